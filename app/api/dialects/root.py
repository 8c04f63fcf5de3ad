"""``GET /``, which two protocols probe: Azure ML reads its status alone, KServe's V1 client a member too."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.api.description import described
from app.api.dialects import Dialect
from app.api.dialects.shapes.platform_shapes import ALIVE
from app.api.formats import JSON
from app.api.readiness import can_predict
from app.middleware.route_table import OPEN, Routes

TEXT, HTML = "text/plain", "text/html"

bp = Blueprint("root", __name__)


@bp.get("/")
@described(ALIVE, media=(JSON, TEXT), others={503: ALIVE})
def alive() -> ResponseReturnValue:
    """200 only while there is a model to predict with, and the server does not drain; else 503."""
    health, status = ("Healthy", 200) if can_predict() else ("Unhealthy", 503)
    if request.accept_mimetypes.best_match((JSON, TEXT, HTML), JSON) == JSON:
        # https://github.com/kserve/kserve/blob/master/python/kserve/kserve/inference_client.py
        return {"status": "alive", "health": health}, status
    return health, status, {"Content-Type": TEXT}


DIALECT = Dialect(lambda _: [Routes(bp, OPEN, "exempt")], lambda _, document: document)
