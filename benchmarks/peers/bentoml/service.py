"""The pipeline as a BentoML service."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(
    workers=int(os.environ["BENCHMARK_WORKERS"]),
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
class Predictor:
    def __init__(self) -> None:
        self.pipeline = joblib.load("pipeline.pkl")

    @bentoml.api
    def predict(self, rows: np.ndarray) -> dict:
        probabilities = self.pipeline.predict_proba(rows)
        labels = self.pipeline.classes_[probabilities.argmax(axis=1)]
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}
