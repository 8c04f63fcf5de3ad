"""``POST /api/predict``, ``POST /api/predict/fast`` and ``POST /api/predict/batch``."""

from time import perf_counter
from typing import Any

from flask import Blueprint

from app.api.decoding import load_body
from app.api.responses import envelope
from app.api.schemas import BatchSchema, PredictSchema
from app.models.ml_models import model_manager

bp = Blueprint("predictions", __name__, url_prefix="/api/predict")

predict_schema = PredictSchema()
batch_schema = BatchSchema()


@bp.post("")
def predict() -> dict[str, Any]:
    """Predict one row."""
    body = load_body(predict_schema)
    answer = model_manager.service.predict(body["features"])
    return envelope(answer, body, result=answer.to_dicts()[0])


@bp.post("/fast")
def predict_fast() -> dict[str, Any]:
    """Predict one row, through the cache; ``response_time`` is in seconds."""
    started = perf_counter()
    body = load_body(predict_schema)
    answer = model_manager.service.predict(body["features"], use_cache=True)
    document = envelope(answer, body, result=answer.to_dicts()[0], cached=any(answer.cached))
    return document | {"response_time": round(perf_counter() - started, 6)}


@bp.post("/batch")
def predict_batch() -> dict[str, Any]:
    """Predict several rows with one model version."""
    body = load_body(batch_schema)
    answer = model_manager.service.predict(body["samples"], field="samples")
    results = [{"sample_id": i, **result} for i, result in enumerate(answer.to_dicts())]
    return envelope(answer, body, results=results, count=len(results))
