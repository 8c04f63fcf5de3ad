"""Open Inference Protocol V2, as Triton, KServe and MLServer speak it over HTTP; docs/dialects.md."""

from typing import Any

from flask import Blueprint, Response

from app.api.description import described
from app.api.dialects import Dialect, error_text
from app.api.dialects.open_inference import v2_models, v2_repository
from app.api.dialects.open_inference.v2_requests import load_request
from app.api.dialects.open_inference.v2_responses import infer_response
from app.api.dialects.shapes import v2_shapes as shapes
from app.api.formats import JSON
from app.api.predictions import PREDICTION, predict_rows
from app.middleware.route_table import ADMIN, METRICS, OPEN, PREDICT, LimitClass, Routes, Scope
from app.models.ml_models import model_manager

PREFIX = "/v2"
OCTETS = "application/octet-stream"
EXTENSIONS = ["binary_tensor_data", "model_repository", "statistics"]

bp = Blueprint("v2", __name__, url_prefix=PREFIX)


@bp.get("/health/live")
@described(shapes.LIVE)
def live() -> dict[str, bool]:
    """200 while the process can answer at all."""
    return {"live": True}


@bp.get("/health/ready")
@described(shapes.READY, errors=(503,))
def ready() -> dict[str, bool]:
    """200 only while every model can predict, and the server does not drain."""
    v2_models.check_ready()
    return {"live": True, "ready": True}


@bp.get("")
@described(shapes.SERVER)
def server() -> dict[str, Any]:
    """Name and extensions of the server."""
    return {"name": "model-service", "version": "2", "extensions": EXTENSIONS}


@bp.get("/models")
@described(shapes.MODELS, errors=(503,))
def models() -> dict[str, Any]:
    """Names of the models, as KServe lists them."""
    return {"models": v2_models.names()}


@bp.get("/models/<name>")
@bp.get("/models/<name>/versions/<version>")
@described(shapes.MODEL, errors=(503,))
def model(name: str, version: str | None = None) -> dict[str, Any]:
    """Versions and tensors of a model."""
    return v2_models.metadata(name, version)


@bp.get("/models/<name>/ready")
@bp.get("/models/<name>/versions/<version>/ready")
@described(shapes.MODEL_READY, errors=(503,))
def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
    """200 only while the version can predict."""
    v2_models.loaded_version(model_manager.registry[name], version)
    return {"name": name, "ready": True}


@bp.post("/models/<name>/infer")
@bp.post("/models/<name>/versions/<version>/infer")
@described(
    shapes.INFERRED, media=(JSON, OCTETS), bodies={JSON: shapes.INFER_BODY}, errors=PREDICTION, pins=True
)
def infer(name: str, version: str | None = None) -> Response:
    """Predict the rows of the tensors."""
    served_model = model_manager.registry[name]
    asked = load_request(v2_models.loaded_version(served_model, version).signature)
    outputs = tuple(asked["outputs"])
    prediction = predict_rows(served_model, asked["rows"], field="inputs", version=version, outputs=outputs)
    return infer_response(prediction, name, asked)


@bp.get("/models/stats")
@bp.get("/models/<name>/stats")
@bp.get("/models/<name>/versions/<version>/stats")
@described(shapes.STATISTICS, errors=(404, 503))
def statistics(name: str | None = None, version: str | None = None) -> dict[str, Any]:
    """Numbers of the whole service, by model and version."""
    return v2_models.statistics(name, version)


@bp.post("/repository/index")
@described(shapes.INDEX, bodies={JSON: shapes.INDEX_BODY}, optional=True, errors=(503,))
def index() -> list[dict[str, str]]:
    """Every version of every model."""
    return v2_repository.index()


@bp.post("/repository/models/<name>/load")
@described(shapes.LOADED, bodies={JSON: shapes.LOAD_BODY}, optional=True, errors=(409, 503))
def load(name: str) -> dict[str, Any]:
    """Serve a version of a model."""
    return v2_repository.load(name)


@bp.post("/repository/models/<name>/unload")
@described(shapes.UNLOADED, bodies={JSON: shapes.UNLOAD_BODY}, optional=True, errors=(409, 503))
def unload(name: str) -> dict[str, Any]:
    """Stop serving a challenger."""
    return v2_repository.unload(name)


ACCESS: dict[str, tuple[Scope, LimitClass]] = {
    "live": (OPEN, "exempt"),
    "ready": (OPEN, "exempt"),
    "model_ready": (OPEN, "requests"),
    "statistics": (METRICS, "requests"),
    "index": (ADMIN, "admin"),
    "load": (ADMIN, "admin"),
    "unload": (ADMIN, "admin"),
}
DIALECT = Dialect(lambda _: [Routes(bp, PREDICT, "requests", ACCESS)], error_text, PREFIX)
