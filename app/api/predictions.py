"""``POST /api/predict``, ``POST /api/predict/fast`` and ``POST /api/predict/batch``."""

from time import perf_counter
from typing import Any

from flask import Blueprint

from app.api.answering import answer_batch, answer_row, predict_by, predict_schema
from app.api.decoding import load_body
from app.api.responses import envelope
from app.models.ml_models import model_manager

bp = Blueprint("predictions", __name__, url_prefix="/api/predict")


@bp.post("")
def predict() -> dict[str, Any]:
    """Predict one row."""
    return answer_row(model_manager.service)


@bp.post("/fast")
def predict_fast() -> dict[str, Any]:
    """Predict one row, through the cache; ``response_time`` is in seconds."""
    started = perf_counter()
    body = load_body(predict_schema)
    answer = predict_by(model_manager.service, body, body["features"], use_cache=True)
    document = envelope(answer, body, result=answer.to_dicts()[0], cached=any(answer.cached))
    return document | {"response_time": round(perf_counter() - started, 6)}


@bp.post("/batch")
def predict_batch() -> dict[str, Any]:
    """Predict several rows with one model version."""
    return answer_batch(model_manager.service)
