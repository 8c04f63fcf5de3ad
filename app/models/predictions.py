"""What an engine returns and what the door answers with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from app.models.loading import LoadedModel


class Outcome(NamedTuple):
    """One engine call over n rows.

    ``values``: for a classifier the position of each label in the model's classes, intp (n,); for a
    regressor float64 (n,) or (n, outputs); for a clusterer intp (n,). ``probabilities``: float64 (n,
    classes), or None.
    """

    values: NDArray[Any]
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Predictions for the rows of one call, with the model that made all of them.

    ``cached``: per row, whether its outcome was remembered instead of computed; empty if nobody looked.
    """

    model: "LoadedModel"
    outcome: Outcome
    warnings: list[dict[str, Any]]
    cached: list[bool]

    def to_dicts(self) -> list[dict[str, Any]]:
        """One JSON-ready result per row: ``prediction``, and where the model has probabilities
        ``confidence`` (the highest) and ``probabilities`` by class."""
        output = self.model.output
        values, probabilities = self.outcome
        predictions = values.tolist()
        if output.classes:
            predictions = [output.classes[code] for code in predictions]
        if probabilities is None:
            return [{"prediction": prediction} for prediction in predictions]
        keys = output.probability_keys
        return [
            {
                "prediction": prediction,
                "confidence": max(row),
                "probabilities": dict(zip(keys, row, strict=True)),
            }
            for prediction, row in zip(predictions, probabilities.tolist(), strict=True)
        ]
