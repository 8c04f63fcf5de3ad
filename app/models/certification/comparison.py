"""Comparison of a compiled engine's output with the model's, row by row."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines.compiled import spread
from app.models.engines.output import EngineOutput
from app.models.engines.partial import finite_rows, predict_partially
from app.models.schema import tolerance
from app.models.schema.rows import Matrix, Rows, take
from app.models.schema.signature import OutputSignature

BATCHES = (1, 2, 7, 64, 1000)
# Rows for each batch size but the largest, which takes all rows.
ROWS_PER_BATCH_SIZE = 1_000
# Calls to find the rows for which a model raises; rows still undecided then are left out.
MAX_CALLS = 3_000

Predict = Callable[[Rows], EngineOutput]
Attempt = Callable[[Any], tuple[EngineOutput, Sequence[int] | None]]


@dataclass(frozen=True)
class Reference:
    """The model's output for some rows. ``refused``, (n,): rows for which the model raised or was not finite,
    and whose output is meaningless."""

    output: EngineOutput
    refused: NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Differences over ``rows`` rows: labels, numbers relative to their scale, and answers to rows that the
    model refuses. ``left``: rows that the engine left to the model."""

    rows: int = 0
    label_mismatches: int = 0
    max_difference: float = 0.0
    answered_refusals: int = 0
    left: int = 0

    def __add__(self, other: "Comparison") -> "Comparison":
        return Comparison(
            self.rows + other.rows,
            self.label_mismatches + other.label_mismatches,
            max(self.max_difference, other.max_difference),
            self.answered_refusals + other.answered_refusals,
            self.left + other.left,
        )

    def reason(self, *, bound: float = tolerance.CERTIFIED) -> str | None:
        """Why the output cannot be certified, or None if it can."""
        if self.label_mismatches:
            return f"{self.label_mismatches} of {self.rows} labels differ"
        if self.answered_refusals:
            return f"{self.answered_refusals} of {self.rows} rows are answered that the model refuses"
        if not self.max_difference <= bound:
            return f"numbers differ by up to {self.max_difference:.2g}"
        return None


def ask(predict: Predict, rows: Rows) -> tuple[Rows, Reference]:
    """The rows that the model answers or refuses, and its output for them."""
    with suppress(Exception):  # most models answer all rows
        output = predict(rows)
        if (finite := finite_rows(output)).all():
            return rows, Reference(output, ~finite)
    found = predict_partially(predict, rows, max_calls=MAX_CALLS)
    kept = sorted({*found.answers, *found.errors})
    if not found.answers:
        nothing = EngineOutput(np.zeros(len(kept)), None)
        return take(rows, kept), Reference(nothing, np.ones(len(kept), dtype=bool))
    refused = np.array([position in found.errors for position in kept], dtype=bool)
    output = spread(found.output, np.flatnonzero(~refused).tolist(), len(kept))
    return take(rows, kept), Reference(output, refused)


def compare(
    attempt: Attempt,
    rows: Rows,
    expected: Reference,
    output: OutputSignature,
    *,
    batches: Sequence[int] = BATCHES,
    advance: Callable[[int], None] = lambda n_rows: None,
) -> Comparison:
    """Predict ``rows`` in batches of these sizes, and compare the rows that the engine answers.

    :param advance: called with the size of each batch.
    """
    total = Comparison()
    for size in batches:
        n_rows = len(rows) if size == max(batches) else min(len(rows), ROWS_PER_BATCH_SIZE)
        spread_out = np.linspace(0, len(rows) - 1, n_rows).astype(int).tolist()
        for start in range(0, n_rows, size):
            batch = spread_out[start : start + size]
            got, left = attempt(take(rows, batch))
            total += compare_answers(got, left or (), expected, batch, output)
            advance(len(batch))
    return total


def rows_compared(n_rows: int, batches: Sequence[int] = BATCHES) -> int:
    """How many rows `compare` predicts in all batches."""
    return n_rows + (len(batches) - 1) * min(n_rows, ROWS_PER_BATCH_SIZE)


def compare_answers(
    got: EngineOutput, left: Sequence[int], expected: Reference, batch: Sequence[int], output: OutputSignature
) -> Comparison:
    """Compare the output for one batch, without the rows that the engine left to the model.

    :param left: positions within the batch.
    :param batch: positions of the batch's rows in ``expected``.
    """
    answered = np.ones(len(batch), dtype=bool)
    answered[list(left)] = False
    refused = expected.refused[list(batch)]
    found = Comparison(len(batch), left=len(left), answered_refusals=int((answered & refused).sum()))
    compared = np.flatnonzero(answered & ~refused)
    if not len(compared):
        return found
    positions = [batch[position] for position in compared.tolist()]
    values, probabilities = expected.output.values[positions], expected.output.probabilities
    if got.values.shape[1:] != values.shape[1:] or len(got.values) != len(batch):
        return replace(found, label_mismatches=len(compared), max_difference=np.inf)
    if not output.labelled:
        scale = tolerance.scale(values, output)
        return replace(found, max_difference=_largest(got.values[compared] / scale, values / scale))
    found = replace(found, label_mismatches=int((got.values[compared] != values).sum()))
    if probabilities is None:
        return found
    if got.probabilities is None or got.probabilities.shape[1:] != probabilities.shape[1:]:
        return replace(found, max_difference=np.inf)
    known = probabilities[positions]
    scale = tolerance.scale_beside(known, output)
    return replace(found, max_difference=_largest(got.probabilities[compared] / scale, known / scale))


def _largest(got: Matrix, expected: Matrix) -> float:
    """Largest difference; infinite for numbers that are not finite."""
    difference = np.abs(got - expected)
    difference[~np.isfinite(difference)] = np.inf
    return float(difference.max(initial=0.0))
