"""Prediction: what the data plane answers with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from numpy.typing import NDArray

from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.schema.signature import Label


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for the rows of one call, with the model that made all of them.

    ``cached``: per row, whether its output was cached instead of computed; empty if nothing was looked up.
    ``further``: what other methods of the model gave, by their names. ``explanations``: one document per
    row, or none if nobody asked.
    """

    model: LoadedVersion
    output: EngineOutput
    warnings: list[dict[str, Any]]
    cached: list[bool]
    further: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    explanations: Sequence[Mapping[str, Any]] = ()

    def to_dicts(self) -> list[dict[str, Any]]:
        """One JSON-ready result per row: ``prediction``, and where the model has probabilities
        ``confidence`` (the highest) and ``probabilities`` by class; each is a list where the model predicts
        several labels a row. An outlier detector's row has a ``score``, a transformer's ``outputs``."""
        signature = self.model.output
        values, probabilities = self.output
        predictions = values.tolist()
        if signature.classes:  # on the way of most requests, which spares a call
            predictions = [signature.classes[code] for code in predictions]
        elif signature.targets:
            predictions = signature.decoded(predictions)
        if probabilities is None:
            if signature.task == "transformation":
                return [{"outputs": each} for each in values.reshape(len(values), -1).tolist()]
            return [{"prediction": prediction} for prediction in predictions]
        if signature.scored:
            rows = zip(predictions, probabilities[:, 0].tolist(), strict=True)
            return [{"prediction": label, "score": score} for label, score in rows]
        if signature.targets:
            rows = zip(predictions, probabilities.tolist(), strict=True)
            return [_several(labels, row, signature.target_keys) for labels, row in rows]
        keys = signature.probability_keys
        return [
            {"prediction": label, "confidence": max(row), "probabilities": dict(zip(keys, row, strict=True))}
            for label, row in zip(predictions, probabilities.tolist(), strict=True)
        ]


def _several(labels: list[Label], row: list[float], keys: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """The result of one row with a label, a confidence and probabilities for each target."""
    numbers = iter(row)
    probabilities = [dict(zip(each, islice(numbers, len(each)), strict=True)) for each in keys]
    confidence = [max(each.values()) for each in probabilities]
    return {"prediction": labels, "confidence": confidence, "probabilities": probabilities}
