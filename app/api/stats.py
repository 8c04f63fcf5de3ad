"""``GET /api/stats``: a summary of the metrics as JSON."""

from typing import Any

from flask import Blueprint

from app.api.answer_schemas import StatisticsAnswer
from app.api.description import described
from app.middleware.metrics import of_app
from app.middleware.metrics.statistics import summarize

bp = Blueprint("stats", __name__)


@bp.get("/api/stats")
@described(StatisticsAnswer)
def stats() -> dict[str, Any]:
    """Requests, errors and times of the whole service since its start."""
    return summarize(of_app())
