"""``POST /api/models/<name>/predict``, ``/fast`` and ``/batch``: models beside the default one."""

from flask import Blueprint, Response

from app.api.prediction_requests import predict_row, predict_row_cached, predict_rows_of_request
from app.models.ml_models import model_manager

bp = Blueprint("named_predictions", __name__, url_prefix="/api/models/<name>/predict")


@bp.post("")
def predict(name: str) -> Response:
    """Predict one row."""
    return predict_row(model_manager.registry[name])


@bp.post("/fast")
def predict_fast(name: str) -> Response:
    """Predict one row, through the cache."""
    return predict_row_cached(model_manager.registry[name])


@bp.post("/batch")
def predict_batch(name: str) -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(model_manager.registry[name])
