"""``POST /api/predict``, ``POST /api/predict/fast`` and ``POST /api/predict/batch``."""

from typing import Any

from flask import Blueprint

from app.api.answering import answer_batch, answer_row, answer_row_fast
from app.models.ml_models import model_manager

bp = Blueprint("predictions", __name__, url_prefix="/api/predict")


@bp.post("")
def predict() -> dict[str, Any]:
    """Predict one row."""
    return answer_row(model_manager.service)


@bp.post("/fast")
def predict_fast() -> dict[str, Any]:
    """Predict one row, through the cache."""
    return answer_row_fast(model_manager.service)


@bp.post("/batch")
def predict_batch() -> dict[str, Any]:
    """Predict several rows with one model version."""
    return answer_batch(model_manager.service)
