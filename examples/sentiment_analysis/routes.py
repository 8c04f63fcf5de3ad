"""The routes, and the service with them: `create_app` and one blueprint more."""

from typing import Any

from flask import Blueprint, Flask

from app import create_app
from app.api import health as probes
from app.api.formats import load_body
from app.api.predictions import envelope
from app.middleware.route_table import OPEN, PREDICT, Routes
from app.models.ml_models import model_manager
from app.models.prediction import Prediction
from config import Config
from examples.sentiment_analysis.explanation import explainer_of
from examples.sentiment_analysis.schemas import AnalyzeBatchSchema, AnalyzeSchema
from examples.sentiment_analysis.settings import load_settings, max_text_length

bp = Blueprint("sentiment", __name__)
ROUTES = Routes(bp, PREDICT, "requests", {"health": (OPEN, "requests")})

analyze_schema = AnalyzeSchema()
analyze_batch_schema = AnalyzeBatchSchema()


@bp.get("/health")
def health() -> tuple[dict[str, Any], int]:
    """Whether the service can answer, and with which version."""
    return probes.health()


@bp.post("/analyze")
def analyze() -> dict[str, Any]:
    """The sentiment of one text."""
    body = load_body(analyze_schema)
    prediction, results = sentiments([body["text"]], field="text", explain=body["explain"])
    return {"success": True, "result": results[0], **envelope(prediction, body)}


@bp.post("/analyze/batch")
def analyze_batch() -> dict[str, Any]:
    """The sentiments of several texts, all by one version of the model."""
    body = load_body(analyze_batch_schema)
    prediction, found = sentiments(body["texts"], field="texts", explain=body["explain"])
    results = [{"id": i, **result} for i, result in enumerate(found)]
    return {"success": True, "results": results, "count": len(results), **envelope(prediction, body)}


def sentiments(texts: list[str], *, field: str, explain: bool) -> tuple[Prediction, list[dict[str, Any]]]:
    """The prediction for rows of one text each, and a result for each text."""
    served_model = model_manager.served_model
    prediction = served_model.predict([[text] for text in texts], field=field)
    results = [
        {
            "text": text,
            "sentiment": found["prediction"],
            "confidence": found["confidence"],
            "probabilities": found["probabilities"],
        }
        for text, found in zip(texts, prediction.to_dicts(), strict=True)
    ]
    if explain:
        explainer = explainer_of(prediction.model, served_model.store)
        results = [result | {"explanation": explainer.explain(result["text"])} for result in results]
    return prediction, results


def build(settings: Config | None = None) -> Flask:
    """The service with the blueprint.

    :param settings: by default those of the environment.
    :raises ConfigError: if a setting is wrong.
    """
    app = create_app(settings or load_settings(), blueprints=[ROUTES])
    app.config["MAX_TEXT_LENGTH"] = max_text_length()
    return app
