"""``GET /api/model/info``: what serves, what it takes and what it answers, of the model ``?model=name``."""

from typing import Any

from flask import Blueprint

from app.api.choice import asked_service
from app.models.description import describe

bp = Blueprint("model_info", __name__, url_prefix="/api/model")


@bp.get("/info")
def info() -> dict[str, Any]:
    """The loaded model, from its metadata."""
    return describe(asked_service().model)
