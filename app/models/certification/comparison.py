"""Compare a compiled engine's answers with the model's, row by row."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines.output import EngineOutput
from app.models.engines.partial import finite_rows, predict_partially
from app.models.schema import tolerance
from app.models.schema.rows import Matrix, Rows, take
from app.models.schema.signature import OutputSignature

BATCHES = (1, 2, 7, 64, 1000)
# Rows tried in each batch size but the largest, which takes them all.
ROWS_PER_BATCH_SIZE = 1_000
# Of a model that raises for some rows, to find out for which; what is undecided after that is left out.
MAX_CALLS = 3_000

Predict = Callable[[Rows], EngineOutput]
Attempt = Callable[[Any], tuple[EngineOutput, Sequence[int] | None]]


@dataclass(frozen=True)
class Reference:
    """The model's answers to some rows. ``refused``, (n,): those for which it raised, or answered with what
    is not finite; their outcome means nothing."""

    outcome: EngineOutput
    refused: NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """How far the answers to ``rows`` rows differ: labels, numbers in units of what they are judged by, and
    rows that were answered although the model refuses them. ``left``: rows that the engine left to the
    model."""

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
        """Why these answers cannot be certified, or None if they can."""
        if self.label_mismatches:
            return f"{self.label_mismatches} of {self.rows} labels differ"
        if self.answered_refusals:
            return f"{self.answered_refusals} of {self.rows} rows are answered that the model refuses"
        if not self.max_difference <= bound:
            return f"numbers differ by up to {self.max_difference:.2g}"
        return None


def ask(predict: Predict, rows: Rows) -> tuple[Rows, Reference]:
    """The rows on which the model could be asked for an answer or a refusal, and what came of it."""
    with suppress(Exception):  # mostly it answers them all
        outcome = predict(rows)
        if (finite := finite_rows(outcome)).all():
            return rows, Reference(outcome, ~finite)
    found = predict_partially(predict, rows, max_calls=MAX_CALLS)
    kept = sorted({*found.answers, *found.errors})
    if not found.answers:
        nothing = EngineOutput(np.zeros(len(kept)), None)
        return take(rows, kept), Reference(nothing, np.ones(len(kept), dtype=bool))
    like = found.outcome
    refused = np.array([position in found.errors for position in kept], dtype=bool)
    values = np.zeros((len(kept), *like.values.shape[1:]), dtype=like.values.dtype)
    values[~refused] = like.values
    probabilities = None
    if like.probabilities is not None:
        probabilities = np.zeros((len(kept), like.probabilities.shape[1]))
        probabilities[~refused] = like.probabilities
    return take(rows, kept), Reference(EngineOutput(values, probabilities), refused)


def compare(attempt: Attempt, rows: Rows, expected: Reference, output: OutputSignature) -> Comparison:
    """Predict ``rows`` in batches of 1, 2, 7, 64 and 1,000 and compare each answer that the engine gives."""
    total = Comparison()
    for size in BATCHES:
        n_rows = len(rows) if size == max(BATCHES) else min(len(rows), ROWS_PER_BATCH_SIZE)
        for batch in _batches(n_rows, len(rows), size):
            outcome, left = attempt(take(rows, batch))
            total += compare_answers(outcome, left or (), expected, batch, output)
    return total


def compare_answers(
    got: EngineOutput, left: Sequence[int], expected: Reference, batch: Sequence[int], output: OutputSignature
) -> Comparison:
    """Compare the answers to one batch, without the rows that the engine left to the model.

    :param left: positions within the batch.
    :param batch: positions of its rows in ``expected``.
    """
    answered = np.ones(len(batch), dtype=bool)
    answered[list(left)] = False
    found = Comparison(len(batch), left=len(left))
    refused = expected.refused[list(batch)]
    found = replace(found, answered_refusals=int((answered & refused).sum()))
    judged = np.flatnonzero(answered & ~refused)
    if not len(judged):
        return found
    positions = [batch[position] for position in judged.tolist()]
    values, probabilities = expected.outcome.values[positions], expected.outcome.probabilities
    if got.values.shape[1:] != values.shape[1:] or len(got.values) != len(batch):
        return replace(found, label_mismatches=len(judged), max_difference=np.inf)
    answers = got.values[judged]
    if not output.classes:
        if output.whole:
            return replace(found, label_mismatches=int((answers != values).sum()))
        scale = tolerance.scale(values, output)
        return replace(found, max_difference=_largest(answers / scale, values / scale))
    found = replace(found, label_mismatches=int((answers != values).sum()))
    if probabilities is None:
        return found
    if got.probabilities is None or got.probabilities.shape[1:] != probabilities.shape[1:]:
        return replace(found, max_difference=np.inf)
    return replace(found, max_difference=_largest(got.probabilities[judged], probabilities[positions]))


def _batches(n_rows: int, available: int, size: int) -> Iterator[list[int]]:
    """Row numbers, ``n_rows`` of them spread over those available, ``size`` at a time."""
    chosen = np.linspace(0, available - 1, n_rows).astype(int).tolist() if n_rows else []
    for start in range(0, len(chosen), size):
        yield chosen[start : start + size]


def _largest(got: Matrix, expected: Matrix) -> float:
    """Largest difference; infinite where the answer is not finite."""
    difference = np.abs(got - expected)
    difference[~np.isfinite(difference)] = np.inf
    return float(difference.max(initial=0.0))
