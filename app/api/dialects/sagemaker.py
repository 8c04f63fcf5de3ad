"""``GET /ping`` and ``POST /invocations``: the contract of SageMaker's containers."""

from flask import Blueprint, Response

from app.api.prediction_requests import predict_rows_of_request
from app.models.ml_models import model_manager

bp = Blueprint("sagemaker", __name__)


@bp.get("/ping")
def ping() -> tuple[dict[str, str], int]:
    """200 only while there is a model to predict with."""
    return ({"status": "ready"}, 200) if model_manager.model_loaded else ({"status": "not ready"}, 503)


@bp.post("/invocations")
def invocations() -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(model_manager.served_model)
