"""A bare FastAPI app around the pickled pipeline: no auth, limits, logs or metrics."""

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
pipeline = joblib.load("pipeline.pkl")


class Row(BaseModel):
    features: list[float]


class Batch(BaseModel):
    samples: list[list[float]]


class Prediction(BaseModel):
    prediction: int
    probabilities: list[float]


class Answers(BaseModel):
    results: list[Prediction]


@app.post("/api/predict")
def predict(body: Row) -> Prediction:
    return results([body.features])[0]


@app.post("/api/predict/batch")
def predict_batch(body: Batch) -> Answers:
    return {"results": results(body.samples)}


def results(rows):
    probabilities = pipeline.predict_proba(rows)
    labels = pipeline.classes_[probabilities.argmax(axis=1)]
    return [
        {"prediction": label, "probabilities": row}
        for label, row in zip(labels.tolist(), probabilities.tolist(), strict=True)
    ]
