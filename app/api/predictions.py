"""``POST /api/predict``, ``POST /api/predict/fast`` and ``POST /api/predict/batch``."""

from flask import Blueprint, Response

from app.api.prediction_requests import predict_row, predict_row_cached, predict_rows_of_request
from app.models.ml_models import model_manager

bp = Blueprint("predictions", __name__, url_prefix="/api/predict")


@bp.post("")
def predict() -> Response:
    """Predict one row."""
    return predict_row(model_manager.served_model)


@bp.post("/fast")
def predict_fast() -> Response:
    """Predict one row, through the cache."""
    return predict_row_cached(model_manager.served_model)


@bp.post("/batch")
def predict_batch() -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(model_manager.served_model)
