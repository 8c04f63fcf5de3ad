"""``/ping`` and ``/invocations``, which MLflow and SageMaker share: the body decides whose they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, g, request
from werkzeug.http import parse_options_header

from app.api.description import PLAIN, TEXT, described
from app.api.dialects import Dialect, mlflow, sagemaker, sagemaker_container
from app.api.dialects.json_documents import load_document
from app.api.dialects.plain_predictions import Invocation, answer
from app.api.dialects.shapes import invocation_shapes as shapes
from app.api.formats import DECODERS, JSON, check_media_type, decode_rows
from app.api.formats.accepted import NDJSON, TABLES, preferred
from app.api.formats.decoding import ignores_extra
from app.api.predictions import PREDICTION, asked_outputs, errors_by_row, predict_rows_of_request
from app.api.readiness import can_predict
from app.api.schemas import Body, InvocationQuery
from app.exceptions import InvalidInput
from app.flask_fast.messages import BytesResponse
from app.middleware.logging.request_log import note_caller
from app.middleware.route_table import ADMIN, OPEN, PREDICT, Routes
from app.models.ml_models import model_manager
from app.models.schema.column_arrays import Columns
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows
from app.models.serving.served_model import ServedModel

bp = Blueprint("invocations", __name__)
invoke_bp = Blueprint("invoke", __name__)

MLFLOW, SAGEMAKER = "mlflow", "sagemaker"
NPY = "application/x-npy"
TABULAR: Mapping[str, Any] = {
    "body_tables": tuple(DECODERS),
    "answer_tables": (*TABLES, NDJSON),
    "query": InvocationQuery,
    "errors": (406, *PREDICTION),
    "pins": True,
}
# Bodies that only SageMaker's clients send.
OF_SAGEMAKER = (NPY, NDJSON)


@bp.get("/ping")
@described(TEXT, media=(PLAIN,), others={404: TEXT, 503: TEXT})
def ping() -> Response:
    """200 only while there is a model to predict with, and the server does not drain; without a model 503,
    or 404 where only MLflow is spoken, which answers so."""
    speaks = current_app.config["DIALECTS"]
    missing, body = (503, b"") if SAGEMAKER in speaks else (404, b"\n")
    return BytesResponse(body, 200 if can_predict() else missing, content_type="text/plain")


@bp.post("/invocations")
@described(
    shapes.PREDICTED,
    bodies={JSON: shapes.INVOCATION_BODY},
    **TABULAR,
    shapes=(mlflow.error, sagemaker.error),
)
def invocations() -> Response:
    """Predict rows with one model version, and answer as the dialect of the body does."""
    speaks = _spoken()
    if SAGEMAKER not in speaks or sagemaker.TARGET_MODEL not in request.environ:
        return _invoke(model_manager.served_model, speaks)
    g.error_shape = sagemaker.error
    return _invoke(sagemaker.target_model(), [SAGEMAKER])


@invoke_bp.post("/models/<name>/invoke")
@described(shapes.PREDICTED, bodies={JSON: shapes.INVOKE_BODY}, **TABULAR, shapes=(mlflow.error,))
def invoke(name: str) -> Response:
    """The same by a named model, for SageMaker, whose endpoints have models of MLflow's too: JSON of both."""
    return _invoke(model_manager.registry[name], [SAGEMAKER], in_json=_spoken())


def _spoken() -> list[str]:
    return [name for name in (MLFLOW, SAGEMAKER) if name in current_app.config["DIALECTS"]]


def _invoke(
    served_model: ServedModel, speaks: Sequence[str], in_json: Sequence[str] | None = None
) -> Response:
    """``speaks``: the dialects that may be meant; ``in_json``: by a body of JSON, where these are others."""
    if request.environ.get(
        "QUERY_STRING"
    ):  # which mean nothing for some bodies, and may not be just anything
        errors_by_row()
        ignores_extra()
    signature = served_model.model.signature  # without a model there is no telling what a body holds
    known = (JSON, *(each for each in DECODERS if SAGEMAKER in speaks or each not in OF_SAGEMAKER))
    # Without a type a body is JSON, as in the containers of AWS.
    media_type = check_media_type(known) if request.environ.get("CONTENT_TYPE") else JSON
    if media_type == JSON:
        invocation = _of_json(signature, in_json or speaks)
    else:
        invocation = _of_rows(decode_rows(media_type, signature), speaks)
    if not isinstance(invocation, Invocation):
        note_caller(invocation)
        return predict_rows_of_request(served_model, invocation)
    of_mlflow = g.error_shape is mlflow.error
    wanted = preferred(default=JSON if of_mlflow else media_type)
    return answer(served_model, invocation, wanted, header=of_mlflow)


def _of_json(signature: InputSignature, speaks: Sequence[str]) -> Invocation | Body:
    _, parameters = parse_options_header(request.environ.get("CONTENT_TYPE", ""))

    def build(document: Any) -> Invocation | Body:
        if _is_of_mlflow(document, parameters, speaks):
            g.error_shape = mlflow.error
            return mlflow.decode(document, parameters, signature)
        g.error_shape = sagemaker.error
        return sagemaker.decode(document, signature)

    # MLflow's own client writes missing cells as NaN:
    # https://github.com/mlflow/mlflow/blob/master/mlflow/utils/proto_json_utils.py
    return load_document(build, signature, tokens=True)


def _is_of_mlflow(document: Any, parameters: Mapping[str, str], speaks: Sequence[str]) -> bool:
    """:raises InvalidInput: for a body of JSON that neither of two dialects has."""
    if len(speaks) == 1:
        return MLFLOW in speaks
    if request.blueprint == invoke_bp.name and isinstance(document, dict) and "instances" in document:
        return False  # both have it, and the route is SageMaker's
    if mlflow.claims(document, parameters):
        return True
    if sagemaker.claims(document):
        return False
    raise InvalidInput([{"reason": f"{mlflow.REQUIRED}, or with samples, or a list of rows"}])


def _of_rows(rows: RawRows, speaks: Sequence[str]) -> Invocation:
    """Rows of a table are MLflow's if its columns have names, and SageMaker's otherwise."""
    named = isinstance(rows, Columns) and rows.names is not None
    if MLFLOW in speaks and (named or SAGEMAKER not in speaks):
        g.error_shape = mlflow.error
        return Invocation(rows, "rows", asked_outputs())
    g.error_shape = sagemaker.error
    return Invocation(rows, "rows", sagemaker.outputs(), member=None)


def _error(status: int, document: dict[str, Any]) -> dict[str, Any]:
    """Errors before it is clear whose the body is have the members of both dialects, if both are on."""
    speaks = current_app.config["DIALECTS"]
    if MLFLOW not in speaks or request.blueprint in (sagemaker_container.bp.name, invoke_bp.name):
        return sagemaker.error(status, document)
    of_mlflow = mlflow.error(status, document)
    if SAGEMAKER not in speaks or request.blueprint == mlflow.bp.name:
        return of_mlflow
    return of_mlflow | sagemaker.error(status, document)


def _routes(settings: Mapping[str, Any]) -> list[Routes]:
    rows = [Routes(bp, PREDICT, "requests", {"ping": (OPEN, "exempt")})]
    if MLFLOW in settings["DIALECTS"]:
        rows.append(Routes(mlflow.bp, OPEN, "exempt"))
    if SAGEMAKER in settings["DIALECTS"]:
        rows.append(Routes(invoke_bp, PREDICT, "requests"))
        rows.append(
            Routes(sagemaker_container.bp, ADMIN, "admin", {"execution_parameters": (PREDICT, "requests")})
        )
    return rows


DIALECT = Dialect(_routes, _error)
