"""Shapes of the native answers, for the OpenAPI document: the views make them without a schema."""

from functools import partial
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

text = partial(fields.String, required=True)
number = partial(fields.Float, required=True)
count = partial(fields.Integer, required=True)
truth = partial(fields.Boolean, required=True)
words = partial(validate.OneOf)
mapping = partial(fields.Dict, keys=fields.String(), required=True)
TIME = {"format": "date-time"}


class Component(fields.Field[Any]):
    """A part of an answer that the model decides: a component of the document by its name."""

    def __init__(self, component: str, **options: Any) -> None:
        super().__init__(**options)
        self.component = component


class Answer(Schema):
    """An object of these members and no others."""

    class Meta:
        unknown = RAISE


class HealthAnswer(Answer):
    status = text(validate=words(("healthy", "unhealthy")))
    model_loaded = truth()
    model_version = text(allow_none=True)
    timestamp = text(metadata=TIME)


class StatusAnswer(Answer):
    status = text()


class IndexAnswer(Answer):
    """The probe of Azure ML and KServe V1, and an index of routes."""

    status = text()
    health = text(validate=words(("Healthy", "Unhealthy")))
    routes = mapping(values=fields.String())


class ErrorAnswer(Answer):
    """Every error of the native API."""

    error = text(metadata={"description": "For people."})
    error_type = text(metadata={"description": "For programs."})
    details = mapping(metadata={"description": "`errors` names field, row, position, column and reason."})
    request_id = text()


class Envelope(Answer):
    success = truth(metadata={"enum": [True]})
    model_version = text()
    request_id = text()
    timestamp = text(metadata=TIME)
    client_id = fields.String()
    warnings = fields.List(fields.Dict(), metadata={"description": "Values far from the training data."})


class PredictAnswer(Envelope):
    result = Component("Result", required=True)


class FastAnswer(PredictAnswer):
    cached = truth()
    response_time = number(metadata={"description": "Seconds."})


class BatchAnswer(Envelope):
    """``results`` by row, or with ``format=columns`` a list for each column."""

    results = fields.List(Component("SampleResult"))
    columns = fields.Dict(keys=fields.String(), values=fields.List(fields.Raw()))
    count = count()
    rejected = fields.Integer(metadata={"description": "Rows with errors, with `errors=rows`."})
    rejected_samples = fields.List(fields.Dict())


class ModelAnswer(Answer):
    model_type = text()
    task = text()
    n_features = count()
    n_classes = count()
    classes = fields.List(fields.Raw(), required=True)
    targets = fields.List(fields.List(fields.Raw()), required=True)
    feature_names = fields.List(fields.String(), required=True)
    example = mapping(metadata={"description": "A row of the training data."})
    features = fields.List(fields.Dict(), required=True)
    feature_importance = mapping(allow_none=True)
    model_params = mapping()
    metadata = mapping()
    explains = fields.String(allow_none=True, metadata={"description": "How rows can be explained."})


class VersionAnswer(Answer):
    version = text()
    state = text(validate=words(("active", "challenger", "available", "refused")))
    workers = count()
    reason = fields.String()
    saved_at = fields.String(allow_none=True)
    model_type = fields.String(allow_none=True)
    engine = fields.String(allow_none=True)
    metrics = fields.Dict(allow_none=True)
    n_features = fields.Integer(allow_none=True)
    size = fields.Integer(metadata={"description": "Bytes."})
    signed = fields.Boolean()


class ReadinessAnswer(Answer):
    name = text()
    ready = truth()
    version = text(allow_none=True)
    active = text(allow_none=True)
    refused = fields.Dict(keys=fields.String(), values=fields.String())
    reason = fields.String()


class VersionsAnswer(Answer):
    active = text(allow_none=True)
    versions = fields.List(fields.Nested(VersionAnswer), required=True)
    models = fields.List(fields.Nested(ReadinessAnswer), required=True)


class VerifiedAnswer(Answer):
    version = text()
    verified = truth()
    engine = text()


class ActivatedAnswer(Answer):
    version = text()
    state = text()
    workers = count(metadata={"description": "How many serve it already."})


class RemovedAnswer(Answer):
    version = text()
    removed = truth()


class TrafficSplitAnswer(Answer):
    mode = text(validate=words(("canary", "shadow", "ab", "off")))
    challenger = fields.String()
    percent = fields.Float()
    shares = fields.Dict(keys=fields.String(), values=fields.Float())
    id = fields.String()
    changed_at = fields.String()
    ended = fields.Dict()
    workers = fields.Integer()


class ComparisonAnswer(Answer):
    champion = text(allow_none=True)
    routing = fields.Nested(TrafficSplitAnswer, required=True)
    versions = mapping(values=fields.Dict())


class StatisticsAnswer(Answer):
    total_requests = count()
    error_count = count()
    error_rate = number()
    avg_response_time = number(metadata={"description": "Seconds, as all times."})
    p95_response_time = number()
    p99_response_time = number()
    cache_hits = count()
    cache_misses = count()
    uptime = number()
    workers = count()
    requests_per_second = number()


class TrafficInterval(Answer):
    id = count()
    time = text(metadata=TIME)
    seconds = number()
    requests = count()
    requests_per_second = number()
    errors = mapping(values=fields.Integer(), metadata={"description": "By status."})
    rejected = mapping(values=fields.Integer(), metadata={"description": "By reason."})
    cache_hits = count()
    cache_misses = count()
    p50_response_time = number(allow_none=True)
    p95_response_time = number(allow_none=True)
    p99_response_time = number(allow_none=True)


class TrafficAnswer(Answer):
    events = fields.List(fields.Nested(TrafficInterval), required=True)
    retry = count(metadata={"description": "Milliseconds until there is more."})
