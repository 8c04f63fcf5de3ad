"""Imputers and indicators of missing numbers as plain data, with scikit-learn's arithmetic."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix


@dataclass(frozen=True)
class ImputeNumber:
    """NaN becomes the column's ``fill``: SimpleImputer on numbers."""

    op: ClassVar[str] = "impute_number"
    fill: tuple[float, ...]

    @cached_property
    def _fill(self) -> Matrix:
        return np.array(self.fill)

    def apply(self, columns: Matrix) -> Matrix:
        missing = np.isnan(columns)
        return np.where(missing, self._fill, columns) if missing.any() else columns

    def reach(self, limit: float) -> float:
        return float(max(limit, np.abs(self._fill).max()))


@dataclass(frozen=True)
class Missing:
    """Ones where a number is missing, in the given columns: MissingIndicator.

    ``closed``: the original raises if one is missing in another column.
    """

    op: ClassVar[str] = "missing"
    columns: tuple[int, ...]
    closed: bool

    def apply(self, columns: Matrix) -> Matrix:
        holes = np.isnan(columns)
        if self.closed and np.delete(holes, self.columns, axis=1).any():
            raise NotCovered
        return holes[:, list(self.columns)].astype(np.float64)

    def reach(self, limit: float) -> float:
        return 1.0


@dataclass(frozen=True)
class LinearGuess:
    """The numbers of one column, guessed from others where they are missing: a part of `ImputeInTurn`."""

    column: int
    others: tuple[int, ...]
    weights: tuple[float, ...]
    intercept: float
    low: float
    high: float


@dataclass(frozen=True)
class ImputeInTurn:
    """NaN becomes ``fill``, then what linear models of the other columns say, in turn: IterativeImputer."""

    op: ClassVar[str] = "impute_in_turn"
    fill: tuple[float, ...]
    guesses: tuple[tuple[Any, ...], ...]

    @cached_property
    def _models(self) -> list[tuple[LinearGuess, NDArray[np.intp], Matrix]]:
        found = [LinearGuess(*guess) for guess in self.guesses]
        return [(guess, np.array(guess.others, np.intp), np.array(guess.weights)) for guess in found]

    def apply(self, columns: Matrix) -> Matrix:
        missing = np.isnan(columns)
        if not missing.any():
            return columns
        filled = np.asfortranarray(np.where(missing, np.array(self.fill), columns))
        if missing.all():
            return filled
        for guess, others, weights in self._models:
            rows = missing[:, guess.column]
            if rows.any():
                guessed = filled[:, others][rows] @ weights + guess.intercept
                filled[rows, guess.column] = np.clip(guessed, guess.low, guess.high)
        return filled

    def reach(self, limit: float) -> float:
        largest = max(limit, *map(abs, self.fill))
        for guess, _, weights in self._models:
            guessed = largest * np.abs(weights).sum() + abs(guess.intercept)
            largest = max(largest, min(guessed, max(abs(guess.low), abs(guess.high))))
        return float(largest)
