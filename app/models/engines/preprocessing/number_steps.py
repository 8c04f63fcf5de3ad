"""Fitted transformers of numbers as plain data, one class each.

Every step repeats scikit-learn's arithmetic in float64, operation for operation, so that the compiled
estimator gets the original's input bit for bit.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix


@dataclass(frozen=True)
class CenterScale:
    """``(x - center) / scale``: StandardScaler, RobustScaler, MaxAbsScaler."""

    op: ClassVar[str] = "center_scale"
    center: tuple[float, ...] | None
    scale: tuple[float, ...] | None

    @cached_property
    def _arrays(self) -> tuple[Matrix | None, ...]:
        return tuple(None if numbers is None else np.array(numbers) for numbers in (self.center, self.scale))

    def apply(self, columns: Matrix) -> Matrix:
        center, scale = self._arrays
        if center is not None:
            columns = columns - center
        return columns if scale is None else columns / scale

    def reach(self, limit: float) -> float:
        center, scale = self._arrays
        moved = limit + (0.0 if center is None else np.abs(center).max())
        return float(max(moved, 0.0 if scale is None else moved / np.abs(scale).min()))


@dataclass(frozen=True)
class ScaleShift:
    """``x * scale + shift``, clipped to the range if there is one: MinMaxScaler."""

    op: ClassVar[str] = "scale_shift"
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    clip: tuple[float, float] | None

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix]:
        return np.array(self.scale), np.array(self.shift)

    def apply(self, columns: Matrix) -> Matrix:
        scale, shift = self._arrays
        shifted = columns * scale + shift
        return shifted if self.clip is None else np.clip(shifted, *self.clip)

    def reach(self, limit: float) -> float:
        scale, shift = self._arrays
        return float(limit * np.abs(scale).max() + np.abs(shift).max())


@dataclass(frozen=True)
class Select:
    """Columns in the given order: feature selection, ``drop`` and ``passthrough``."""

    op: ClassVar[str] = "select"
    columns: tuple[int, ...]

    def apply(self, columns: Matrix) -> Matrix:
        return columns[:, list(self.columns)]

    def reach(self, limit: float) -> float:
        return limit


@dataclass(frozen=True)
class Binarize:
    """One where a number is above the threshold, else zero: Binarizer, which raises for NaN."""

    op: ClassVar[str] = "binarize"
    threshold: float

    def apply(self, columns: Matrix) -> Matrix:
        if np.isnan(columns).any():
            raise NotCovered
        return (columns > self.threshold).astype(np.float64)

    def reach(self, limit: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Polynomial:
    """Products of columns: PolynomialFeatures.

    ``linear``: pairs (output column, input column). ``degrees``: for each degree from 2 on, triples (output
    column, input column, output column with the product of the rest): scikit-learn multiplies from the right.
    """

    op: ClassVar[str] = "polynomial"
    width: int
    bias: int | None
    linear: tuple[tuple[int, int], ...]
    degrees: tuple[tuple[tuple[int, int, int], ...], ...]

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
        return np.array(self.linear).T, [np.array(degree).T for degree in self.degrees]

    def apply(self, columns: Matrix) -> Matrix:
        products = np.empty((len(columns), self.width))
        if self.bias is not None:
            products[:, self.bias] = 1.0
        (target, source), degrees = self._arrays
        products[:, target] = columns[:, source]
        for target, source, rest in degrees:
            products[:, target] = columns[:, source] * products[:, rest]
        return products

    def reach(self, limit: float) -> float:
        return float(np.float64(max(limit, 1.0)) ** (len(self.degrees) + 1))
