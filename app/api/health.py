"""Probes: is the process alive, can it predict."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from app.api.answer_schemas import HealthAnswer, StatusAnswer
from app.api.description import described
from app.middleware.draining import draining
from app.models.ml_models import model_manager

bp = Blueprint("health", __name__, url_prefix="/api/health")


@bp.get("")
@described(HealthAnswer, others={503: HealthAnswer})
def health() -> tuple[dict[str, Any], int]:
    """Whether the service can predict, and with which version."""
    served_model = model_manager.served_model
    status = {
        "status": "healthy" if served_model.loaded else "unhealthy",
        "model_loaded": served_model.loaded,
        "model_version": served_model.model.version if served_model.loaded else None,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    return status, 200 if served_model.loaded else 503


@bp.get("/live")
@described(StatusAnswer)
def live() -> dict[str, str]:
    """200 while the process can answer at all."""
    return {"status": "alive"}


@bp.get("/ready")
@described(StatusAnswer, others={503: StatusAnswer})
def ready() -> tuple[dict[str, str], int]:
    """200 only while there is a model to predict with, and the server does not drain."""
    if draining():
        return {"status": "draining"}, 503
    return ({"status": "ready"}, 200) if model_manager.model_loaded else ({"status": "not ready"}, 503)
