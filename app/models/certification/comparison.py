"""Compare an engine's answers with scikit-learn's, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.predictions import Outcome
from app.models.rows import Matrix, Rows, take

BATCHES = (1, 2, 7, 64, 1000)
# Rows tried in each batch size but the largest, which takes them all.
ROWS_PER_BATCH_SIZE = 1_000
MARGIN = 1e-6
TOLERANCE = 1e-5

Predict = Callable[[Any], Outcome]


@dataclass(frozen=True)
class Reference:
    """scikit-learn's answers, and how far apart it holds the two best classes of each row."""

    outcome: Outcome
    margin: Matrix


@dataclass(frozen=True)
class Comparison:
    """How far the answers to ``rows`` rows differ: labels where the margin decides them, and numbers."""

    rows: int = 0
    label_mismatches: int = 0
    max_difference: float = 0.0

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.rows + other.rows,
            self.label_mismatches + other.label_mismatches,
            max(self.max_difference, other.max_difference),
        )

    @property
    def reason(self) -> str | None:
        """Why these answers cannot be certified, or None if they can."""
        if self.label_mismatches:
            return f"{self.label_mismatches} of {self.rows} labels differ"
        if not self.max_difference <= TOLERANCE:
            return f"numbers differ by up to {self.max_difference:.2g}"
        return None


def reference(estimator: Any, data: Any, outcome: Outcome) -> Reference:
    """Attach the margins: of the probabilities, or else of the decision function.

    :param data: the rows as ``estimator`` takes them.
    """
    probabilities = outcome.probabilities
    if probabilities is not None and probabilities.shape[1] > 1:
        return Reference(outcome, _gap(probabilities))
    if probabilities is None and hasattr(estimator, "decision_function"):
        scores = np.asarray(estimator.decision_function(data))
        return Reference(outcome, np.abs(scores) if scores.ndim == 1 else _gap(scores))
    return Reference(outcome, np.full(len(outcome.values), np.inf))


def compare(predict: Predict, rows: Rows, expected: Reference) -> Comparison:
    """Predict ``rows`` in batches of 1, 2, 7, 64 and 1,000 and compare each answer."""
    total = Comparison()
    for size in BATCHES:
        n_rows = len(rows) if size == max(BATCHES) else min(len(rows), ROWS_PER_BATCH_SIZE)
        for batch in _batches(n_rows, len(rows), size):
            total += _compare(predict(take(rows, batch)), expected, batch)
    return total


def difference(got: Outcome, expected: Reference) -> Comparison:
    """Compare the answers to all rows at once."""
    return _compare(got, expected, list(range(len(expected.margin))))


def _batches(n_rows: int, available: int, size: int) -> Iterator[list[int]]:
    """Row numbers, ``n_rows`` of them spread over those available, ``size`` at a time."""
    chosen = np.linspace(0, available - 1, n_rows).astype(int).tolist() if n_rows else []
    for start in range(0, len(chosen), size):
        yield chosen[start : start + size]


def _compare(got: Outcome, expected: Reference, batch: list[int]) -> Comparison:
    values, probabilities = expected.outcome.values[batch], expected.outcome.probabilities
    if got.values.shape != values.shape:
        return Comparison(len(batch), len(batch), np.inf)
    if values.dtype.kind == "f":
        scale = np.maximum(1.0, np.abs(values))
        return Comparison(len(batch), 0, _largest(got.values / scale, values / scale))
    decided = expected.margin[batch] > MARGIN
    mismatches = int(((got.values != values) & decided).sum())
    if probabilities is None:
        return Comparison(len(batch), mismatches)
    if got.probabilities is None or got.probabilities.shape != probabilities[batch].shape:
        return Comparison(len(batch), mismatches, np.inf)
    return Comparison(len(batch), mismatches, _largest(got.probabilities, probabilities[batch]))


def _largest(got: Matrix, expected: Matrix) -> float:
    """Largest difference; infinite where one is finite and the other is not."""
    difference = np.abs(got - expected)
    difference[np.isnan(difference)] = np.inf
    difference[~np.isfinite(got) & ~np.isfinite(expected)] = 0.0
    return float(difference.max(initial=0.0))


def _gap(scores: NDArray[Any]) -> Matrix:
    best = np.partition(scores, -2, axis=1)
    gap: Matrix = best[:, -1] - best[:, -2]
    return gap
