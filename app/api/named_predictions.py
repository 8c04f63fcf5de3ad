"""``POST /api/models/<name>/predict`` and ``/predict/batch``: models beside the default one."""

from typing import Any

from flask import Blueprint

from app.api.answering import answer_batch, answer_row
from app.models.ml_models import model_manager

bp = Blueprint("named_predictions", __name__, url_prefix="/api/models/<name>/predict")


@bp.post("")
def predict(name: str) -> dict[str, Any]:
    """Predict one row."""
    return answer_row(model_manager.services[name])


@bp.post("/batch")
def predict_batch(name: str) -> dict[str, Any]:
    """Predict several rows with one model version."""
    return answer_batch(model_manager.services[name])
