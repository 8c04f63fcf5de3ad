"""``GET /metrics``: for Prometheus to scrape."""

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.api.description import TEXT, described
from app.middleware.metrics import of_app
from app.middleware.metrics.instruments import ServiceCollector

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
@described(TEXT, media=(CONTENT_TYPE_LATEST.partition(";")[0],))
def metrics() -> Response:
    """The numbers of the whole service, in Prometheus' text format."""
    collector = ServiceCollector(of_app(), workers=current_app.config["WORKERS"])
    return Response(generate_latest(collector), content_type=CONTENT_TYPE_LATEST)
