"""Partial predictions: the rows of a call that a model answers, if it does not answer all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exceptions import ServiceError
from app.models.engines.output import EngineOutput
from app.models.schema.rows import take

FEW = 32
NOT_FINITE = "the model's answer to this row is not a finite number"


class NotFinite(ArithmeticError):
    """The model's answer to a row is not a finite number."""


@dataclass
class Partial:
    """The outputs of the answered rows and the errors of the others, by position."""

    answers: dict[int, EngineOutput] = field(default_factory=dict)
    errors: dict[int, Exception] = field(default_factory=dict)

    @property
    def answered(self) -> list[int]:
        """Positions of the rows with an answer, ascending."""
        return sorted(self.answers)

    @property
    def output(self) -> EngineOutput:
        """The joint output of the answered rows, in order; at least one row must have an answer."""
        parts = [self.answers[position] for position in self.answered]
        probabilities = [part.probabilities for part in parts if part.probabilities is not None]
        return EngineOutput(
            np.concatenate([part.values for part in parts]),
            np.concatenate(probabilities) if probabilities else None,
        )


def predict_partially(
    predict: Callable[[Any], EngineOutput],
    rows: Any,
    *,
    max_calls: float = math.inf,
    max_seconds: float = math.inf,
) -> Partial:
    """Predict as many rows as possible, halving a batch that raises down to single rows.

    :param rows: `Rows`, or a data frame, array or list.
    :param max_calls: of ``predict``; rows still undecided then have neither answer nor error.
    :param max_seconds: of computing by this thread, after which no further call begins.
    :raises MemoryError, ServiceError: which say nothing about a row.
    """
    found = Partial()
    pending: list[Sequence[int]] = [range(len(rows))]
    calls, until = 0, thread_time() + max_seconds
    while pending and calls < max_calls and thread_time() < until:
        positions = pending.pop()
        calls += 1
        try:
            output = predict(_some(rows, positions))
        except (MemoryError, ServiceError):
            raise
        except Exception as error:  # a model may raise anything for a row
            if len(positions) == 1:
                found.errors[positions[0]] = error
            else:
                half = len(positions) // 2
                pending += [positions[half:], positions[:half]]
        else:
            _sort(output, positions, found)
    return found


def _some(rows: Any, positions: Sequence[int]) -> Any:
    if len(positions) == len(rows):
        return rows
    if hasattr(rows, "iloc"):
        return rows.iloc[list(positions)]
    return [rows[position] for position in positions] if isinstance(rows, list) else take(rows, positions)


def is_finite(output: EngineOutput) -> bool:
    """True if every number is finite; a list is faster than an array for a single row."""
    numbers = output.values if output.probabilities is None else output.probabilities
    if numbers.size <= FEW:
        return math.isfinite(sum(numbers.ravel().tolist()))
    return bool(np.isfinite(numbers).all())


def finite_rows(output: EngineOutput) -> NDArray[np.bool_]:
    """True for each row with finite numbers, (n,)."""
    numbers = output.values if output.probabilities is None else output.probabilities
    finite = np.isfinite(numbers)
    return finite if finite.ndim == 1 else np.asarray(finite.all(axis=1))


def _sort(output: EngineOutput, positions: Sequence[int], found: Partial) -> None:
    values, probabilities = output
    for index, (position, finite) in enumerate(zip(positions, finite_rows(output).tolist(), strict=True)):
        if finite:
            row = slice(index, index + 1)
            shares = None if probabilities is None else probabilities[row]
            found.answers[position] = EngineOutput(values[row], shares)
        else:
            found.errors[position] = NotFinite(NOT_FINITE)
