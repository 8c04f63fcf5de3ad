"""From the body of a prediction request to its answer, whichever model is asked."""

from operator import itemgetter
from time import perf_counter
from typing import Any

from flask import g, request

from app.api.formats.decoding import load_body
from app.api.responses import envelope
from app.api.schemas import BatchSchema, Body, PredictSchema
from app.exceptions import InvalidInput, PermissionMissing
from app.middleware.auth.scopes import ADMIN
from app.middleware.client_network import client_network
from app.models.prediction import Prediction
from app.models.serving.served_model import ServedModel

predict_schema = PredictSchema()
batch_schema = BatchSchema()
PIN = "HTTP_X_MODEL_VERSION"
MESSAGE = "Validation failed"


def predict_row(served_model: ServedModel) -> dict[str, Any]:
    """Predict the one row of the request."""
    body = load_body(predict_schema, served_model.signature)
    answer = predict_by(served_model, body, body["features"])
    return envelope(answer, body, result=answer.to_dicts()[0])


def predict_row_cached(served_model: ServedModel) -> dict[str, Any]:
    """Predict the one row of the request, through the cache; ``response_time`` is in seconds."""
    started = perf_counter()
    body = load_body(predict_schema, served_model.signature)
    answer = predict_by(served_model, body, body["features"], use_cache=True)
    document = envelope(answer, body, result=answer.to_dicts()[0], cached=any(answer.cached))
    return document | {"response_time": round(perf_counter() - started, 6)}


def predict_rows_of_request(served_model: ServedModel) -> dict[str, Any]:
    """Predict the rows of the request with one model version; with ``?errors=rows`` as many as can be."""
    by_row = errors_by_row()
    body = load_body(batch_schema, served_model.signature)
    if not by_row:
        answer = predict_by(served_model, body, body["samples"], field="samples")
        results = [{"sample_id": i, **result} for i, result in enumerate(answer.to_dicts())]
        return envelope(answer, body, results=results, count=len(results))
    options = version_options(served_model, body)
    answer, positions, rejected = served_model.predict_rows(body["samples"], field="samples", **options)
    results = [
        *({"sample_id": i, **result} for i, result in zip(positions, answer.to_dicts(), strict=True)),
        *({"sample_id": i, "error": MESSAGE, "details": {"errors": found}} for i, found in rejected.items()),
    ]
    results.sort(key=itemgetter("sample_id"))
    document = envelope(answer, body, results=results, count=len(results), rejected=len(rejected))
    if answer.warnings:
        document["warnings"] = [each | {"row": positions[each["row"]]} for each in answer.warnings]
    return document


def errors_by_row() -> bool:
    """Whether the caller wants the errors of single rows beside the answers to the others.

    :raises InvalidInput: if it asks for something else.
    """
    if not request.environ.get("QUERY_STRING"):
        return False
    wanted = request.args.get("errors", "request")
    if wanted not in ("rows", "request"):
        raise InvalidInput([{"field": "errors", "reason": "must be rows or request"}])
    return wanted == "rows"


def predict_by(served_model: ServedModel, body: Body, rows: Any, **options: Any) -> Prediction:
    """Predict ``rows`` by the version of the caller, or the one that ``X-Model-Version`` pins.

    :raises PermissionMissing: if the caller may not pin a version.
    """
    return served_model.predict(rows, **version_options(served_model, body), **options)


def version_options(served_model: ServedModel, body: Body) -> dict[str, Any]:
    """Which version is to answer, as `ServedModel.predict` takes it.

    :raises PermissionMissing: if the caller may not pin a version.
    """
    environ = request.environ
    pinned = environ.get(PIN)
    if pinned is None and served_model.traffic_router.split is None:
        return {}
    if pinned is not None and ADMIN not in g.principal.scopes:
        raise PermissionMissing(ADMIN)
    return {"sticky_key": caller_key(body, environ), "pinned": pinned}


def caller_key(body: Body, environ: dict[str, Any]) -> str:
    """Whom a version sticks to: the ``client_id`` of the body, the key or token, or the address."""
    if "client_id" in body:
        return f"client:{body['client_id']}"
    if g.principal.id is not None:
        return f"key:{g.principal.id}"
    return f"address:{client_network(environ.get('REMOTE_ADDR') or '')}"
