"""``/ping`` and ``/invocations``, which MLflow and SageMaker share: the body decides whose they are."""

from typing import Any

from flask import Blueprint, Response

from app.api.dialects import Dialect
from app.api.predictions import predict_rows_of_request
from app.middleware.route_table import OPEN, PREDICT, Routes
from app.models.ml_models import model_manager

bp = Blueprint("invocations", __name__)


@bp.get("/ping")
def ping() -> tuple[dict[str, str], int]:
    """200 only while there is a model to predict with."""
    return ({"status": "ready"}, 200) if model_manager.model_loaded else ({"status": "not ready"}, 503)


@bp.post("/invocations")
def invocations() -> Response:
    """Predict several rows with one model version."""
    return predict_rows_of_request(model_manager.served_model)


def _same(status: int, document: dict[str, Any]) -> dict[str, Any]:
    return document


DIALECT = Dialect(lambda _: [Routes(bp, PREDICT, "requests", {"ping": (OPEN, "exempt")})], _same)
