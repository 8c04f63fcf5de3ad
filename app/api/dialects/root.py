"""``GET /``, which two protocols probe: Azure ML reads its status alone, KServe's V1 client a member too."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.dialects import Dialect
from app.api.formats import JSON
from app.middleware.draining import draining
from app.middleware.route_table import OPEN, Routes
from app.models.ml_models import model_manager

TEXT, HTML = "text/plain", "text/html"

bp = Blueprint("root", __name__)


@bp.get("/")
def alive() -> ResponseReturnValue:
    """200 only while there is a model to predict with, and the server does not drain; else 503."""
    ready = model_manager.model_loaded and not draining()
    health, status = ("Healthy", 200) if ready else ("Unhealthy", 503)
    if request.accept_mimetypes.best_match((JSON, TEXT, HTML), JSON) == JSON:
        # https://github.com/kserve/kserve/blob/master/python/kserve/kserve/inference_client.py
        return {"status": "alive", "health": health}, status
    return health, status, {"Content-Type": TEXT}


DIALECT = Dialect(lambda _: [Routes(bp, OPEN, "exempt")], lambda _, document: document)
