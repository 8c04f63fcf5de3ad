"""MLflow's scoring protocol: its four forms of rows in JSON, its errors, and its probes."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from app.api.description import TEXT, described
from app.api.dialects import error_sentence
from app.api.dialects.json_documents import Document, check_output, member
from app.api.dialects.plain_predictions import Invocation
from app.api.formats.json_rows import listed_rows, rows_by_column, split_rows
from app.api.predictions import asked_outputs, distinct
from app.api.readiness import can_predict
from app.exceptions import InvalidInput
from app.models.schema.cells import describe
from app.models.schema.signature import InputSignature

bp = Blueprint("mlflow", __name__)

HTML = "text/html"  # as Flask says of texts; MLflow says no more of it

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
# Values of the parameter ``format`` of a media type, by which MLflow before 2.0 told the forms apart.
LEGACY = {"pandas-split": "dataframe_split", "pandas-records": "dataframe_records"}
REQUIRED = f"must be an object with exactly one of {', '.join(FORMS)}"
# The members of ``params`` that choose outputs; models of MLflow's own have others, which mean nothing here.
OUTPUT_PARAMS = ("outputs", "predict_method")
CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
# Of MLflow, whose protocol this is: clients look for 2.0, which brought the four forms.
VERSION = "3.0.0"


@bp.get("/health")
@described(TEXT, media=(HTML,), others={404: TEXT})
def health() -> tuple[str, int]:
    """200 only while there is a model to predict with, and the server does not drain; else 404, as MLflow
    answers."""
    return ("\n", 200) if can_predict() else ("\n", 404)


@bp.get("/version")
@described(TEXT, media=(HTML,))
def version() -> str:
    """The version of MLflow whose protocol is spoken."""
    return VERSION


def claims(document: Any, parameters: Mapping[str, str]) -> bool:
    """Whether a body of JSON is one of MLflow's."""
    return parameters.get("format") in LEGACY or (
        isinstance(document, dict) and not document.keys().isdisjoint(FORMS)
    )


def decode(document: Any, parameters: Mapping[str, str], signature: InputSignature | None) -> Invocation:
    """The rows of a body of JSON.

    :param parameters: of its media type.
    :raises InvalidInput: if it is none of MLflow's forms.
    """
    if form := LEGACY.get(parameters.get("format", "")):
        return Invocation(_rows(form, document, signature), form, asked_outputs(), member=None)
    if not isinstance(document, dict):
        raise InvalidInput([{"reason": f"{REQUIRED}, not {describe(document)}"}])
    forms = [name for name in FORMS if name in document]
    if len(forms) != 1:
        raise InvalidInput([{"reason": REQUIRED + (f", not {', '.join(forms)}" if forms else "")}])
    outputs = _outputs(member(document, "params", dict, "an object") or {}) or asked_outputs()
    return Invocation(_rows(forms[0], document[forms[0]], signature), forms[0], outputs)


def _rows(form: str, value: Any, signature: InputSignature | None) -> Any:
    if form == "dataframe_split":
        return split_rows(_unnamed(value, signature), signature, field=form)
    if form == "inputs" and isinstance(value, dict):
        return rows_by_column(value, signature, field=form)
    return listed_rows(value, signature, field=form)


def _unnamed(split: Any, signature: InputSignature | None) -> Any:
    """The same without names that only count columns, as Spark gives them for a model without a signature.

    https://github.com/mlflow/mlflow/blob/master/mlflow/pyfunc/__init__.py
    """
    columns = split.get("columns") if isinstance(split, dict) else None
    if not isinstance(columns, list) or columns != list(map(str, range(len(columns)))):
        return split
    known = signature is not None and not signature.positions.keys().isdisjoint(columns)
    return split if known else split | {"columns": None}


def _outputs(params: Document) -> tuple[str, ...]:
    """The outputs that ``params`` choose, as a name or a list of names: the first one that does."""
    found = [_names(params[name], name) for name in OUTPUT_PARAMS if params.get(name) is not None]
    for names in found[1:]:  # which choose nothing, and may still not be just anything
        for each in names:
            check_output(each, f"params.{OUTPUT_PARAMS[-1]}")
    return found[0] if found else ()


def _names(wanted: Any, name: str) -> tuple[str, ...]:
    names = wanted.split(",") if isinstance(wanted, str) else wanted
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise InvalidInput([{"field": f"params.{name}", "reason": "must be a name or a list of names"}])
    return distinct(names)


def error(status: int, document: dict[str, Any]) -> dict[str, Any]:
    """MLflow's shape of errors, whose message says where and why."""
    return {"error_code": CODES.get(status, "BAD_REQUEST"), "message": error_sentence(document)}
