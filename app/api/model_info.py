"""``GET /api/model/info``: what serves, what it takes and what it answers."""

from typing import Any

from flask import Blueprint

from app.models.description import describe
from app.models.ml_models import model_manager

bp = Blueprint("model_info", __name__, url_prefix="/api/model")


@bp.get("/info")
def info() -> dict[str, Any]:
    """The loaded model, from its metadata."""
    return describe(model_manager.service.model)
