"""``GET /``: the console for browsers, an index of routes for programs, and the probe of two protocols."""

from typing import Any

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from app.api.answer_schemas import IndexAnswer
from app.api.description import PLAIN, described
from app.api.formats import JSON
from app.api.readiness import can_predict
from app.pages.console import console_page

HTML = "text/html"
# Shown in the index where there is such a route.
INDEX = {
    "predict": "/api/predict",
    "batch": "/api/predict/batch",
    "model": "/api/model/info",
    "versions": "/api/models",
    "health": "/api/health",
    "statistics": "/api/stats",
    "traffic": "/api/traffic",
    "metrics": "/metrics",
    "openapi": "/api/openapi.json",
    "documentation": "/docs",
}

bp = Blueprint("home", __name__, template_folder="templates")


@bp.get("/")
@described(IndexAnswer, media=(JSON, PLAIN, HTML), others={304: None, 503: IndexAnswer})
def home() -> ResponseReturnValue:
    """The console, always 200; to others 200 only while there is a model to predict with, and the server does
    not drain, else 503: Azure ML reads the status alone, KServe's V1 client the member ``status``.

    https://github.com/kserve/kserve/blob/master/python/kserve/kserve/inference_client.py
    """
    wanted = request.accept_mimetypes.best_match((JSON, PLAIN, HTML), JSON)
    if wanted == HTML and current_app.config["CONSOLE"]:
        return console_page(documentation="documentation" in index())
    health, status = ("Healthy", 200) if can_predict() else ("Unhealthy", 503)
    if wanted == JSON:
        return {"status": "alive", "health": health, "routes": index()}, status
    return Response(health, status, content_type=PLAIN)


def index() -> dict[str, Any]:
    """The path of each subject that this app has a route for."""
    known = {rule.rule for rule in current_app.url_map.iter_rules()}
    return {subject: request.root_path + path for subject, path in INDEX.items() if path in known}
