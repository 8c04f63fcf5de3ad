"""From scores to probabilities, in scikit-learn's own arithmetic."""

from collections.abc import Mapping, Sequence

import numpy as np

from app.models.engines.composed.operation import Function, Operation, Part
from app.models.schema.rows import Matrix

# What scikit-learn adds to a probability before it takes its logarithm.
LEAST = 1e-12
# Of smaller numbers one unit in the last place is a part that is seen.
LEAST_SUM = 1e-290


def _calibrated(part: Part, _: Sequence[Function]) -> Function:
    """Probabilities from each class's score: by a sigmoid (slope, intercept), or between points (x, y)."""
    curves = [tuple(map(np.array, curve)) for curve in part["curves"]]
    curve = _sigmoid if part["method"] == "sigmoid" else _interpolated

    def probabilities(scores: Matrix) -> Matrix:
        found = np.column_stack([curve(s, *c) for s, c in zip(scores.T, curves, strict=True)])
        if len(curves) == 1:
            found = np.hstack((1.0 - found, found))
        else:
            total = found.sum(axis=1)[:, None]
            uniform = np.full_like(found, 1 / len(curves))
            found = np.divide(found, total, out=uniform, where=total != 0)
        found[(found > 1.0) & (found <= 1.0 + 1e-5)] = 1.0
        return found

    return probabilities


def _tempered(part: Part, _: Sequence[Function]) -> Function:
    """Probabilities by temperature: the softmax of scores, or of the logarithms of probabilities, × beta."""
    beta, logs = part["beta"], part["logs"]

    def probabilities(numbers: Matrix) -> Matrix:
        if numbers.shape[1] == 1:
            numbers = np.hstack((1.0 - numbers if logs else -numbers, numbers))
        logits = beta * (np.log(numbers + LEAST) if logs else numbers)
        powers = np.exp(logits - logits.max(axis=1)[:, None])
        shares: Matrix = powers / powers.sum(axis=1)[:, None]
        return shares

    return probabilities


def _sigmoid(scores: Matrix, slope: Matrix, intercept: Matrix) -> Matrix:
    with np.errstate(over="ignore"):
        found: Matrix = 1.0 / (1.0 + np.exp(slope * scores + intercept))
    return found


def _interpolated(scores: Matrix, x: Matrix, y: Matrix) -> Matrix:
    return np.interp(scores, x, y)


def _shares(part: Part, _: Sequence[Function]) -> Function:
    """Each class's probability against the rest, as shares of their sum."""

    def probabilities(positive: Matrix) -> Matrix:
        if positive.shape[1] == 1:
            return np.hstack((1 - positive, positive))
        total = positive.sum(axis=1)[:, None]
        with np.errstate(invalid="ignore"):  # without any share a row has no result
            shares: Matrix = positive / total
        return np.where(total > LEAST_SUM, shares, np.nan)

    return probabilities


def _activation(part: Part, _: Sequence[Function]) -> Function:
    """What a network does with the numbers of a layer."""
    return np.errstate(over="ignore")(ACTIVATIONS[part["function"]])


ACTIVATIONS: Mapping[str, Function] = {
    "identity": lambda numbers: numbers,
    "relu": lambda numbers: np.maximum(numbers, 0.0),
    "tanh": np.tanh,
    "logistic": lambda numbers: 1.0 / (1.0 + np.exp(-numbers)),
}

OPERATIONS: Mapping[str, Operation] = {
    "calibrated": _calibrated,
    "tempered": _tempered,
    "shares": _shares,
    "activation": _activation,
}
