"""Predictions, of the default model and of those by name: decode, predict, encode."""

from collections.abc import Iterable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from flask import Blueprint, Response, current_app, g, request

from app.api.answer_schemas import BatchAnswer, FastAnswer, PredictAnswer
from app.api.description import described
from app.api.formats import DECODERS, JSON, load_body, load_rows
from app.api.formats.accepted import NDJSON, TABLES, accepted_format
from app.api.formats.json_codec import encode_row
from app.api.schemas import ERRORS, BatchQuery, BatchSchema, Body, PredictSchema, RowQuery
from app.exceptions import InvalidInput, PermissionMissing
from app.flask_fast.messages import BytesResponse
from app.middleware.client_network import client_network
from app.middleware.rate_limit.row_limit import count_rows
from app.middleware.route_table import ADMIN
from app.models.ml_models import model_manager
from app.models.prediction import Prediction
from app.models.schema.validation import RawRows
from app.models.serving.row_errors import predict_possible
from app.models.serving.served_model import ServedModel

bp = Blueprint("predictions", __name__, url_prefix="/api")

predict_schema = PredictSchema()
batch_schema = BatchSchema()
PIN = "HTTP_X_MODEL_VERSION"
PREDICTION = (409, 503)  # a pinned version that is not loaded; no model


@bp.post("/predict")
@bp.post("/models/<name>/predict")
@described(PredictAnswer, bodies={JSON: PredictSchema}, query=RowQuery, errors=PREDICTION, pins=True)
def predict(name: str | None = None) -> Response:
    """Predict one row."""
    return predict_row(_model_of_path(name))


@bp.post("/predict/fast")
@bp.post("/models/<name>/predict/fast")
@described(FastAnswer, bodies={JSON: PredictSchema}, query=RowQuery, errors=PREDICTION, pins=True)
def predict_fast(name: str | None = None) -> Response:
    """Predict one row, through the cache."""
    return predict_row(_model_of_path(name), use_cache=True)


@bp.post("/predict/batch")
@bp.post("/models/<name>/predict/batch")
@described(
    BatchAnswer,
    bodies={JSON: BatchSchema},
    body_tables=tuple(DECODERS),
    answer_tables=(*TABLES, NDJSON),
    query=BatchQuery,
    errors=(406, *PREDICTION),
    pins=True,
)
def predict_batch(name: str | None = None) -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(_model_of_path(name))


def _model_of_path(name: str | None) -> ServedModel:
    """The model that the path names, else the default one."""
    return model_manager.registry[name] if name else model_manager.served_model


def predict_row(served_model: ServedModel, *, use_cache: bool = False) -> Response:
    """Predict the one row of the request; through the cache with ``cached`` and ``response_time`` (s)."""
    started = perf_counter()
    outputs = asked_outputs()
    body = load_body(predict_schema, served_model.signature)
    if current_app.config["RATE_LIMIT_ROWS"]:  # looked at here, which spares most requests a call
        count_rows(1)
    options = version_options(served_model, body)
    if "explain" in body:
        options["explain"] = body["explain"]
    prediction = served_model.predict(body["rows"], use_cache=use_cache, outputs=outputs, **options)
    members = envelope(prediction, body)
    if use_cache:
        members = {"cached": any(prediction.cached), **members}
        members["response_time"] = round(perf_counter() - started, 6)
    return BytesResponse(encode_row(prediction, members, outputs), content_type=JSON)


def predict_rows_of_request(served_model: ServedModel, body: Body | None = None) -> Response:
    """Predict the rows of the request with one model version; with ``?errors=rows`` as many as possible.

    :param body: of the request, if it was loaded already.
    """
    by_row, outputs = errors_by_row(), asked_outputs()
    media_type, encode = accepted_format(by_row=by_row)
    if body is None:
        body = load_rows(batch_schema, served_model.signature)
    count_rows(len(body["rows"]))
    options = version_options(served_model, body) | {"field": "samples", "outputs": outputs}
    rejected: dict[int, Any] = {}
    if by_row:
        prediction, positions, rejected = predict_possible(served_model.predict, body["rows"], **options)
        members = {"rejected": len(rejected), **envelope(prediction, body)}
        if prediction.warnings:
            members["warnings"] = [each | {"row": positions[each["row"]]} for each in prediction.warnings]
    else:
        prediction = served_model.predict(body["rows"], **options)
        members = envelope(prediction, body)
    content = encode(prediction, members, outputs, rejected)
    if media_type == JSON:
        return BytesResponse(content, content_type=JSON)
    return versioned(content, media_type, prediction)


def versioned(content: bytes, media_type: str, prediction: Prediction) -> BytesResponse:
    """An answer that names the version in a header, because its body has no place for it."""
    response = BytesResponse(content, content_type=media_type)
    response.headers["X-Model-Version"] = prediction.model.version
    return response


def predict_rows(
    served_model: ServedModel, rows: RawRows, *, field: str, version: str | None = None, **options: Any
) -> Prediction:
    """Predict rows that a dialect decoded, within the limit of rows.

    :param field: the dialect's name for the rows, used in errors.
    :param version: the version that the URL names.
    :param options: as `ServedModel.predict` takes them.
    """
    count_rows(len(rows))
    chosen = {"pinned": version} if version is not None else version_options(served_model, {})
    return served_model.predict(rows, field=field, **chosen, **options)


def envelope(prediction: Prediction, body: Body) -> dict[str, Any]:
    """Members of every answer besides its result: version, ids of the request, time in UTC, and warnings if
    there are any."""
    members = {
        "model_version": prediction.model.version,
        "request_id": body.get("request_id") or g.request_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    if "client_id" in body:
        members["client_id"] = body["client_id"]
    if prediction.warnings:
        members["warnings"] = prediction.warnings
    return members


def errors_by_row() -> bool:
    """Whether the client wants the errors of single rows beside the answers to the others.

    :raises InvalidInput: if ``errors`` is anything else than ``rows`` or ``request``.
    """
    if not request.environ.get("QUERY_STRING"):
        return False
    wanted = request.args.get("errors", "request")
    if wanted not in ERRORS:
        raise InvalidInput([{"field": "errors", "reason": "must be rows or request"}])
    return wanted == "rows"


def asked_outputs() -> tuple[str, ...]:
    """The ``outputs`` of the query, such as ``predict,transform``; none if it has no such."""
    if not request.environ.get("QUERY_STRING"):
        return ()
    return tuple(dict.fromkeys(name for name in ",".join(request.args.getlist("outputs")).split(",") if name))


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Names of outputs, each once, without the blanks around them."""
    return tuple(dict.fromkeys(each.strip() for each in names if each.strip()))


def version_options(served_model: ServedModel, body: Body) -> dict[str, Any]:
    """The version to answer, as arguments of `ServedModel.predict`: the one that ``X-Model-Version`` pins,
    else the client's in the traffic split.

    :raises PermissionMissing: if the principal may not pin a version.
    """
    environ = request.environ
    pinned = environ.get(PIN)
    if pinned is None and served_model.traffic_router.split is None:
        return {}
    if pinned is not None and ADMIN not in g.principal.scopes:
        raise PermissionMissing(ADMIN)
    return {"sticky_key": sticky_key(body, environ), "pinned": pinned}


def sticky_key(body: Body, environ: dict[str, Any]) -> str:
    """Sticky-routing key: ``client_id``, else the credential's id, else the client IP."""
    if "client_id" in body:
        return f"client:{body['client_id']}"
    if g.principal.id is not None:
        return f"key:{g.principal.id}"
    return f"address:{client_network(environ.get('REMOTE_ADDR') or '')}"
