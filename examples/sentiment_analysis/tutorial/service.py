"""The tutorial's service: a model from joblib, ``predict`` and then ``predict_proba``."""

import os

import joblib
from flask import Flask, Response, jsonify, request

from examples.sentiment_analysis.tutorial.model import clean

app = Flask(__name__)
model = joblib.load(os.environ["TUTORIAL_MODEL"])


@app.post("/analyze")
def analyze() -> Response:
    """One text."""
    return jsonify(success=True, result=results([request.get_json()["text"]])[0])


@app.post("/analyze/batch")
def analyze_batch() -> Response:
    """Several texts."""
    found = results(request.get_json()["texts"])
    return jsonify(success=True, results=[{"id": i, **result} for i, result in enumerate(found)])


def results(texts: list[str]) -> list[dict[str, object]]:
    """One result per text."""
    cleaned = [clean(text) for text in texts]
    labels = model.predict(cleaned)
    probabilities = model.predict_proba(cleaned)
    return [
        {
            "text": text,
            "sentiment": label,
            "confidence": float(row.max()),
            "probabilities": dict(zip(model.classes_.tolist(), row.tolist(), strict=True)),
        }
        for text, label, row in zip(texts, labels.tolist(), probabilities, strict=True)
    ]
