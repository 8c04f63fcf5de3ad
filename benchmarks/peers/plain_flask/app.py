"""Plain Flask service as in most tutorials: the baseline."""

import joblib
import numpy as np
from flask import Flask, jsonify, request
from marshmallow import Schema, ValidationError, fields

app = Flask(__name__)
model = joblib.load("model.pkl")
scaler = joblib.load("scaler.pkl")


class PredictSchema(Schema):
    """One row."""

    features = fields.List(fields.Float(), required=True)


class BatchSchema(Schema):
    """Several rows."""

    samples = fields.List(fields.List(fields.Float()), required=True)


@app.errorhandler(ValidationError)
def invalid(error):
    return jsonify(error=error.messages), 400


@app.post("/api/predict")
def predict():
    features = PredictSchema().load(request.get_json())["features"]
    return jsonify(results(np.array(features).reshape(1, -1))[0])


@app.post("/api/predict/batch")
def predict_batch():
    samples = BatchSchema().load(request.get_json())["samples"]
    return jsonify(results=results(np.array(samples)))


def results(rows):
    scaled = scaler.transform(rows)
    labels = model.predict(scaled)
    probabilities = model.predict_proba(scaled)
    return [
        {"prediction": int(label), "confidence": float(row.max()), "probabilities": row.tolist()}
        for label, row in zip(labels, probabilities, strict=True)
    ]
