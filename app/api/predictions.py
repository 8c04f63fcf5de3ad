"""``POST /api/predict``, ``/fast`` and ``/batch``, and the same below ``/api/models/<name>``."""

from flask import Blueprint, Response

from app.api.prediction_requests import predict_row, predict_rows_of_request
from app.models.ml_models import model_manager

bp = Blueprint("predictions", __name__, url_prefix="/api")


@bp.post("/predict")
@bp.post("/models/<name>/predict")
def predict(name: str | None = None) -> Response:
    """Predict one row."""
    return predict_row(model_manager.registry[name] if name else model_manager.served_model)


@bp.post("/predict/fast")
@bp.post("/models/<name>/predict/fast")
def predict_fast(name: str | None = None) -> Response:
    """Predict one row, through the cache."""
    served_model = model_manager.registry[name] if name else model_manager.served_model
    return predict_row(served_model, use_cache=True)


@bp.post("/predict/batch")
@bp.post("/models/<name>/predict/batch")
def predict_batch(name: str | None = None) -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(model_manager.registry[name] if name else model_manager.served_model)
