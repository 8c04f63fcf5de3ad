"""Prediction: what the data plane answers with."""

from dataclasses import dataclass
from typing import Any

from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for the rows of one call, with the model that made all of them.

    ``cached``: per row, whether its output was cached instead of computed; empty if nothing was looked up.
    """

    model: LoadedVersion
    output: EngineOutput
    warnings: list[dict[str, Any]]
    cached: list[bool]

    def to_dicts(self) -> list[dict[str, Any]]:
        """One JSON-ready result per row: ``prediction``, and where the model has probabilities
        ``confidence`` (the highest) and ``probabilities`` by class."""
        signature = self.model.output
        values, probabilities = self.output
        predictions = values.tolist()
        if signature.classes:
            predictions = [signature.classes[code] for code in predictions]
        if probabilities is None:
            return [{"prediction": prediction} for prediction in predictions]
        keys = signature.probability_keys
        return [
            {"prediction": label, "confidence": max(row), "probabilities": dict(zip(keys, row, strict=True))}
            for label, row in zip(predictions, probabilities.tolist(), strict=True)
        ]
