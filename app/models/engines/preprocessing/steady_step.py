"""A guard of trees behind numbers whose last bits depend on the rows that are multiplied together."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix

# Of the largest threshold of a column; the rounding of a matrix product is a thousandth of it.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Steady:
    """Passes rows on, and leaves open those of which rounding may move a number across a threshold.

    ``thresholds``: per column, ascending. ``rounded``: the trees round their input to float32 first.
    """

    op: ClassVar[str] = "steady"
    thresholds: tuple[tuple[float, ...], ...]
    rounded: bool

    @cached_property
    def _arrays(self) -> tuple[NDArray[Any], NDArray[Any], Matrix]:
        """All thresholds, by column and number, and the position and the rounding of each column."""
        keys = [complex(column, each) for column, found in enumerate(self.thresholds) for each in found]
        largest = [max(map(abs, found), default=0.0) for found in self.thresholds]
        return np.array(keys), np.arange(len(self.thresholds)) + 0j, ROUNDING * np.array(largest)

    def unsteady(self, columns: Matrix) -> NDArray[np.bool_]:
        """The rows that a threshold is too near to, (n,)."""
        keys, column, rounding = self._arrays
        ends = np.stack((columns - rounding, columns + rounding))
        if self.rounded:
            with np.errstate(over="ignore"):
                ends = ends.astype(np.float32).astype(np.float64)
        # Numbers of two parts are ordered by the first, which is the column.
        below, above = np.searchsorted(keys, column + 1j * ends)
        return np.asarray((below != above).any(axis=1))

    def apply(self, columns: Any) -> Any:
        unsteady = self.unsteady(columns)
        if unsteady.any():
            raise NotCovered(np.flatnonzero(unsteady).tolist())
        return columns

    def reach(self, limit: float) -> float:
        return limit
