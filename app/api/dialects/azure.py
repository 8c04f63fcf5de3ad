"""Azure ML's inference server: ``/score``, and what its endpoints ask for beside it.

https://github.com/microsoft/azureml-inference-server
"""

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Blueprint, Response, g, request

from app.api.description import described
from app.api.dialects import Dialect, error_sentence
from app.api.dialects.azure_swagger import swagger
from app.api.dialects.json_documents import (
    Document,
    as_object,
    check_output,
    decoded,
    load_document,
    member,
)
from app.api.dialects.plain_predictions import answer_document, output_values
from app.api.dialects.shapes.platform_shapes import SCORE_BODY, SCORED, SWAGGER, ScoreQuery, SwaggerQuery
from app.api.formats import JSON
from app.api.formats.json_rows import SPLIT, listed_rows, rows_by_column, split_rows
from app.api.predictions import PREDICTION, predict_rows
from app.exceptions import InvalidInput
from app.middleware.request_id import SANE
from app.middleware.route_table import PREDICT, Routes
from app.models.ml_models import model_manager
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows
from app.models.serving.further_outputs import PREDICT as LABELS

bp = Blueprint("azure", __name__)

# The member that holds the rows says how the answer is wrapped.
MEMBERS = ("data", "input_data", "Inputs")


@bp.get("/swagger.json")
@described(SWAGGER, query=SwaggerQuery, errors=(404, 503))
def describe_score() -> dict[str, Any]:
    """The description of ``/score``, by default in Swagger 2."""
    return swagger(model_manager.served_model.model, request.args.get("version", "2"))


@bp.post("/score")
@described(SCORED, bodies={JSON: SCORE_BODY}, errors=PREDICTION, pins=True)
def score() -> Response:
    """Predict the rows of the body."""
    signature = model_manager.served_model.signature
    return _scored(load_document(lambda body: _decode(body, signature), signature))


@bp.get("/score")
@described(SCORED, query=ScoreQuery, errors=PREDICTION, pins=True)
def score_query() -> Response:
    """Predict the rows of the query, each of whose parameters is JSON, or else a text."""
    signature = model_manager.served_model.signature
    members = [orjson.dumps(name) + b":" + _json(text) for name, text in request.args.items()]
    raw = b"{" + b",".join(members) + b"}"
    return _scored(decoded(raw, lambda body: _decode(body, signature), signature))


@bp.after_request
def add_headers(response: Response) -> Response:
    """Azure's names of the request's ids, and whether the model failed."""
    environ = request.environ
    client, legacy = (
        given if SANE.fullmatch(given := environ.get(name, "")) else ""
        for name in ("HTTP_X_MS_CLIENT_REQUEST_ID", "HTTP_X_MS_REQUEST_ID")
    )
    if client or legacy:
        response.headers["x-ms-client-request-id"] = client or legacy
    response.headers["x-ms-request-id"] = legacy or client or g.request_id
    response.headers["x-ms-run-function-failed"] = str(response.status_code == 500)
    return response


def _scored(body: Document) -> Response:
    output = body["output"]
    outputs = () if output == LABELS else (output,)
    served_model = model_manager.served_model
    prediction = predict_rows(served_model, body["rows"], field=body["field"], outputs=outputs)
    values = output_values(prediction, output)
    wrapped = {"data": {"result": values}, "input_data": values, "Inputs": {"Results": values}}
    return answer_document(wrapped[body["member"]], prediction)


def _decode(body: Any, signature: InputSignature | None) -> Document:
    document = as_object(body)
    given = [name for name in MEMBERS if name in document]
    if len(given) != 1:
        reason = f"there must be one of {', '.join(MEMBERS)}"
        raise InvalidInput([{"field": "data", "reason": reason}])
    (kind,) = given
    field, value = kind, document[kind]
    parameters: Any = document
    if kind == "Inputs":
        inputs = member(document, "Inputs", dict, "an object") or {}
        if len(inputs) != 1:
            raise InvalidInput([{"field": "Inputs", "reason": f"must hold one input, not {len(inputs)}"}])
        ((name, value),) = inputs.items()
        field, parameters = f"Inputs.{name[:64]}", document.get("GlobalParameters")
    # Studio's clients send a number for parameters that there are not.
    method = parameters.get("method", LABELS) if isinstance(parameters, dict) else LABELS
    output = check_output(method, "method")
    return {"rows": _rows(value, signature, field), "field": field, "member": kind, "output": output}


def _rows(value: Any, signature: InputSignature | None, field: str) -> RawRows:
    if not isinstance(value, dict):
        return listed_rows(value, signature, field=field)
    layout = split_rows if "data" in value and value.keys() <= SPLIT else rows_by_column
    return layout(value, signature, field=field)


def _json(text: str) -> bytes:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.dumps(text)
    return text.encode()


def _error(status: int, document: dict[str, Any]) -> dict[str, Any]:
    return {"message": error_sentence(document)}


def _routes(_: Mapping[str, Any]) -> list[Routes]:
    return [Routes(bp, PREDICT, "requests")]


DIALECT = Dialect(_routes, _error)
