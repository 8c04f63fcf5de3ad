"""``POST /api/models/<name>/predict``, ``/fast`` and ``/batch``: models beside the default one."""

from typing import Any

from flask import Blueprint

from app.api.answering import answer_batch, answer_row, answer_row_fast
from app.models.ml_models import model_manager

bp = Blueprint("named_predictions", __name__, url_prefix="/api/models/<name>/predict")


@bp.post("")
def predict(name: str) -> dict[str, Any]:
    """Predict one row."""
    return answer_row(model_manager.services[name])


@bp.post("/fast")
def predict_fast(name: str) -> dict[str, Any]:
    """Predict one row, through the cache."""
    return answer_row_fast(model_manager.services[name])


@bp.post("/batch")
def predict_batch(name: str) -> dict[str, Any]:
    """Predict several rows with one model version."""
    return answer_batch(model_manager.services[name])
