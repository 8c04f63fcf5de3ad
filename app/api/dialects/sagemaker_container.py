"""What SageMaker asks of a container beside predictions: how much at a time, and which models."""

from pathlib import Path
from typing import Any, NoReturn

from flask import Blueprint, current_app, g

from app.api.description import NEVER, described
from app.api.dialects.shapes import invocation_shapes as shapes
from app.api.formats import JSON, check_media_type, read_content
from app.api.formats.json_codec import parse
from app.exceptions import Conflict, InvalidInput, ModelNotFound
from app.models.ml_models import model_manager
from app.models.serving import operations
from app.models.serving.overview import readiness
from app.models.serving.served_model import ServedModel

bp = Blueprint("sagemaker", __name__)

MEGABYTE = 1024 * 1024
# SageMaker's own default, and the most that a real-time endpoint passes on in one request.
MOST_MEGABYTES = 6
NO_MEMORY = 507


@bp.get("/execution-parameters")
@described(shapes.EXECUTION_PARAMETERS)
def execution_parameters() -> dict[str, Any]:
    """How a batch transform is to send its rows; 0 would mean a body without an end."""
    megabytes = current_app.config["MAX_CONTENT_LENGTH"] // MEGABYTE
    return {
        "MaxConcurrentTransforms": current_app.config["WORKERS"],
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": max(1, min(MOST_MEGABYTES, megabytes)),
    }


@bp.get("/models")
@described(shapes.LOADED_MODELS)
def loaded_models() -> dict[str, Any]:
    """The models that can predict, on one page."""
    known = readiness(model_manager.registry)
    return {"models": [_described(model_manager.registry[each["name"]]) for each in known if each["ready"]]}


@bp.get("/models/<name>")
@described(shapes.LOADED_MODEL, errors=(503,))
def loaded_model(name: str) -> dict[str, str]:
    """One model that can predict."""
    return _described(_loaded(name))


@bp.post("/models")
@described(shapes.LOADED_MODEL, bodies={JSON: shapes.LOAD_BODY}, errors=(404, 409, 503, NO_MEMORY))
def load_model() -> Any:
    """Load a model of the store; since workers load those by themselves, it nearly always is loaded."""
    name, url = _named_in_body()
    served_model = model_manager.registry[name]
    if Path(url.removeprefix("file://")) != served_model.store.root.absolute():
        raise Conflict(f"Models are loaded from the store only: url must be the folder of {name!r} there")
    if served_model.loaded:
        raise Conflict(f"Model {name!r} is loaded already")
    try:
        operations.load(served_model)
    except MemoryError:
        message = f"There is not enough memory for model {name!r}"
        rest = {"error_type": "overloaded", "details": {}, "request_id": g.request_id}
        return {"error": message, **rest}, NO_MEMORY
    return _described(served_model)


@bp.delete("/models/<name>")
@described(NEVER, errors=(409, 503))
def unload_model(name: str) -> NoReturn:
    """Reject it: every worker serves what the store has."""
    _loaded(name)
    raise Conflict(f"Model {name!r} is loaded while the store has it: remove its folder to unload it")


def _named_in_body() -> tuple[str, str]:
    check_media_type((JSON,))
    document = parse(read_content())
    found = document if isinstance(document, dict) else {}
    wrong = [field for field in ("model_name", "url") if not isinstance(found.get(field), str)]
    if wrong:
        raise InvalidInput([{"field": field, "reason": "must be a string"} for field in wrong])
    return found["model_name"], found["url"]


def _loaded(name: str) -> ServedModel:
    served_model = model_manager.registry[name]
    if not served_model.loaded:
        raise ModelNotFound(name)
    return served_model


def _described(served_model: ServedModel) -> dict[str, str]:
    return {"modelName": served_model.name, "modelUrl": str(served_model.store.root.absolute())}
