"""``GET /api/model/info``: the loaded version, its inputs and outputs; ``?model=name`` selects a model."""

from typing import Any

from flask import Blueprint

from app.api.requested_model import requested_model
from app.models.serving.overview import describe

bp = Blueprint("model_info", __name__, url_prefix="/api/model")


@bp.get("/info")
def info() -> dict[str, Any]:
    """The loaded model, from its metadata."""
    return describe(requested_model().model)
