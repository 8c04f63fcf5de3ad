"""SageMaker's invocations: rows in JSON as the containers of AWS take them, and the model that is meant."""

from typing import Any

from flask import request

from app.api.dialects.plain_predictions import Invocation
from app.api.formats.json_rows import listed_rows
from app.api.predictions import asked_outputs, distinct
from app.api.schemas import Body, IdentifiedSchema
from app.exceptions import InvalidInput
from app.models.ml_models import model_manager
from app.models.schema.cells import describe
from app.models.schema.signature import InputSignature
from app.models.serving.served_model import ServedModel

TARGET_MODEL = "HTTP_X_AMZN_SAGEMAKER_TARGET_MODEL"
# Free text of the caller's, the only header of an endpoint's caller that reaches the container.
ATTRIBUTES = "HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES"
ARCHIVE = ".tar.gz"

ids_schema = IdentifiedSchema()


def target_model() -> ServedModel:
    """The model that the request names, with or without the ending of its archive.

    :raises ModelNotFound: if there is no such model.
    """
    name: str = request.environ[TARGET_MODEL]
    return model_manager.registry[name.removeprefix("/").removesuffix(ARCHIVE)]


def claims(document: Any) -> bool:
    """Whether a body of JSON is one that only SageMaker's clients send."""
    return isinstance(document, list) or (isinstance(document, dict) and "samples" in document)


def decode(document: Any, signature: InputSignature | None) -> Invocation | Body:
    """The rows of a body of JSON: a list, ``instances``, or the native ``samples`` with their identifiers.

    :raises InvalidInput: if it is none of these.
    """
    if isinstance(document, list):
        return Invocation(listed_rows(document, signature, field="rows"), "rows", outputs(), member=None)
    if isinstance(document, dict) and "samples" in document:
        rows = listed_rows(document["samples"], signature, field="samples")
        ids: Body = ids_schema.load({k: v for k, v in document.items() if k != "samples"})
        return {"rows": rows, **ids}
    if isinstance(document, dict) and document.keys() == {"instances"}:
        rows = listed_rows(document["instances"], signature, field="instances")
        return Invocation(rows, "instances", outputs())
    found = "" if isinstance(document, dict) else f", not {describe(document)}"
    reason = f"must be a list of rows, or an object with instances or samples{found}"
    raise InvalidInput([{"reason": reason}])


def outputs() -> tuple[str, ...]:
    """The ``outputs`` of the caller's attributes, such as ``outputs=predict_proba; id=1``, or the query."""
    for attribute in request.environ.get(ATTRIBUTES, "").split(";"):
        name, _, value = attribute.partition("=")
        if name.strip() == "outputs":
            return distinct(value.split(","))
    return asked_outputs()


def error(_: int, document: dict[str, Any]) -> dict[str, Any]:
    """SageMaker hands a container's error on as it is, so it has the API's own shape."""
    return document
