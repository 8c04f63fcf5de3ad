"""B-splines of each column as plain data, with SciPy's arithmetic, operation for operation."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.kernel import LARGEST
from app.models.engines.preprocessing.curve_steps import covered
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix


@dataclass(frozen=True)
class Splines:
    """B-spline bases of each column: SplineTransformer.

    ``knots``: per column. ``low``, ``high``: per column the bases at the ends of its range. ``low_slope``,
    ``high_slope``: their slopes beyond, zero if they are constant. ``outside``: the ``extrapolation``.
    ``bias``: whether the last basis of each column is kept. ``zeros``: NaN has zeros for bases; else it is
    left to the original, which raises.
    """

    op: ClassVar[str] = "splines"
    degree: int
    knots: tuple[tuple[float, ...], ...]
    low: tuple[tuple[float, ...], ...]
    high: tuple[tuple[float, ...], ...]
    low_slope: tuple[tuple[float, ...], ...]
    high_slope: tuple[tuple[float, ...], ...]
    outside: str
    bias: bool
    zeros: bool

    def apply(self, columns: Matrix) -> Matrix:
        missing = np.isnan(columns)
        if missing.any() and not self.zeros:
            raise NotCovered
        bases = self._extrapolated(columns)
        bases[missing] = 0.0
        bent = (bases if self.bias else bases[:, :, :-1]).reshape(len(columns), -1)
        return covered(np.zeros_like(bent), bent)

    def reach(self, limit: float) -> float:
        return LARGEST

    @cached_property
    def _knots(self) -> Matrix:
        return np.array(self.knots)

    @cached_property
    def _ends(self) -> list[Matrix]:
        return [np.array(end) for end in (self.low, self.low_slope, self.high, self.high_slope)]

    def _extrapolated(self, columns: Matrix) -> NDArray[np.float64]:
        """The bases (n, columns, bases) with those beyond the ends of the training data."""
        lowest, highest = self._knots[:, self.degree], self._knots[:, -self.degree - 1]
        if self.outside == "continue":
            return self._bases(columns)
        if self.outside == "periodic":
            period = highest - lowest
            with np.errstate(invalid="ignore"):
                return self._bases(np.where(period > 0, lowest + (columns - lowest) % period, 0.0))
        below, above = columns < lowest, columns > highest
        bases = self._bases(np.clip(columns, lowest, highest))
        if not (below.any() or above.any()):
            return bases
        if self.outside == "error":
            raise NotCovered
        bases[below | above] = 0.0
        low, low_slope, high, high_slope = self._ends
        for near in range(self.degree):
            far = -1 - near
            left = low[:, near] + (columns - lowest) * low_slope[:, near]
            right = high[:, far] + (columns - highest) * high_slope[:, far]
            bases[:, :, near] = np.where(below, left, bases[:, :, near])
            bases[:, :, far] = np.where(above, right, bases[:, :, far])
        return bases

    def _bases(self, columns: Matrix) -> NDArray[np.float64]:
        """The bases of each number by de Boor's recursion, in the order of SciPy's ``_deBoor_D``."""
        degree, knots, index = self.degree, self._knots, np.arange(columns.shape[1])
        count = knots.shape[1] - degree - 1
        interval = np.clip((knots <= columns[:, :, None]).sum(axis=2) - 1, degree, count - 1)
        values = np.zeros((degree + 1, *columns.shape))
        values[0] = 1.0
        for level in range(1, degree + 1):
            previous = values[:level].copy()
            values[0] = 0.0
            for step in range(1, level + 1):
                right, left = knots[index, interval + step], knots[index, interval + step - level]
                gap = right - left
                with np.errstate(all="ignore"):
                    weight = previous[step - 1] / gap
                wide = gap != 0
                values[step - 1] = np.where(
                    wide, values[step - 1] + weight * (right - columns), values[step - 1]
                )
                values[step] = np.where(wide, weight * (columns - left), 0.0)
        kept = count - degree if self.outside == "periodic" else count
        bases, rows = np.zeros((*columns.shape, kept)), np.arange(len(columns))[:, None]
        for offset, value in enumerate(values):
            # The last bases of a period are its first ones.
            bases[rows, index, (interval - degree + offset) % kept] += value
        return bases
