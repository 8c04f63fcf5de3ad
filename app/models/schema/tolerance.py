"""Tolerances: of served numbers against the model's, and of a compiled form for a certificate."""

import numpy as np

from app.models.schema.rows import Matrix
from app.models.schema.signature import OutputSignature

# The promise: probabilities within this, values within this times the spread of the model's predictions.
PROMISED = 1e-5
# Clients send other rows than a certificate tries: a tenth of the promise.
CERTIFIED = PROMISED / 10


def scale_beside(numbers: Matrix, output: OutputSignature) -> Matrix:
    """The scale of a difference from the numbers beside each label: probabilities, or an outlier's score."""
    return scale(numbers, output) if output.scored else np.ones(1)


def scale(values: Matrix, output: OutputSignature) -> Matrix:
    """The scale of a difference from each value, in the shape of ``values``.

    The spread of the model's predictions for the sample, or the value's distance from their center if that is
    larger; the size of constant predictions.
    """
    if not output.spread:  # a version saved before the spread was recorded
        return np.maximum(1.0, np.abs(values))
    center, spread = np.array(output.center), np.array(output.spread)
    floor = np.where(spread > 0, spread, np.maximum(np.abs(center), np.finfo(float).tiny))
    found: Matrix = np.maximum(floor, np.abs(values - center))
    return found
