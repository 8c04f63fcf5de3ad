"""Fitted transformers as plain numbers, one class each.

Every step does scikit-learn's own arithmetic in float64, operation for operation, so that what
reaches the compiled estimator is what would have reached the original one, bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from app.models.schema.rows import Matrix
from app.models.schema.signature import Label

Columns = Matrix | Sequence[NDArray[Any]]


class NotCovered(ValueError):
    """A row holds a label for which the original raises."""


class Step(Protocol):
    """One fitted transformation of a float64 matrix (n, d) or of label columns."""

    op: ClassVar[str]

    def apply(self, columns: Any) -> Any:
        """Return the transformed columns."""

    def reach(self, limit: float) -> float:
        """The largest magnitude of what comes out, and on the way there, of numbers of magnitude
        ``limit``."""


@dataclass(frozen=True)
class CenterScale:
    """``(x - center) / scale``: StandardScaler, RobustScaler, MaxAbsScaler."""

    op: ClassVar[str] = "center_scale"
    center: tuple[float, ...] | None
    scale: tuple[float, ...] | None

    @cached_property
    def _arrays(self) -> tuple[Matrix | None, Matrix | None]:
        return (
            None if self.center is None else np.array(self.center),
            None if self.scale is None else np.array(self.scale),
        )

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
    """``x * scale + shift``, cut off at the range if one is given: MinMaxScaler."""

    op: ClassVar[str] = "scale_shift"
    scale: tuple[float, ...]
    shift: tuple[float, ...]
    clip: tuple[float, float] | None

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix]:
        return np.array(self.scale), np.array(self.shift)

    def apply(self, columns: Matrix) -> Matrix:
        scale, shift = self._arrays
        shifted: Matrix = columns * scale + shift
        return shifted if self.clip is None else np.clip(shifted, *self.clip)

    def reach(self, limit: float) -> float:
        scale, shift = self._arrays
        return float(limit * np.abs(scale).max() + np.abs(shift).max())


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
class ImputeLabel:
    """None becomes the column's ``fill``: SimpleImputer on labels."""

    op: ClassVar[str] = "impute_label"
    fill: tuple[Label, ...]

    def apply(self, columns: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        return [
            np.array([fill if value is None else value for value in column], dtype=object)
            for column, fill in zip(columns, self.fill, strict=True)
        ]

    def reach(self, limit: float) -> float:
        return limit


@dataclass(frozen=True)
class OneHot:
    """One column of zeros and ones per category, all zeros for a category not listed: OneHotEncoder.

    ``categories``: per column, in output order, without those that were dropped; None is missing.
    ``closed``: those that were dropped, where the original raises for any other; None where it ignores them.
    """

    op: ClassVar[str] = "one_hot"
    categories: tuple[tuple[Label | None, ...], ...]
    closed: tuple[tuple[Label | None, ...], ...] | None = None

    @cached_property
    def _positions(self) -> tuple[list[dict[Label | None, int]], int]:
        positions, width = [], 0
        for categories in self.categories:
            positions.append({category: width + i for i, category in enumerate(categories)})
            width += len(categories)
        return positions, width

    def apply(self, columns: Sequence[NDArray[Any]]) -> Matrix:
        positions, width = self._positions
        encoded = np.zeros((len(columns[0]), width))
        for index, (column, position) in enumerate(zip(columns, positions, strict=True)):
            for row, value in enumerate(column):
                if (hot := position.get(value)) is not None:
                    encoded[row, hot] = 1.0
                elif self.closed is not None and value not in self.closed[index]:
                    raise NotCovered
        return encoded

    def reach(self, limit: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Ordinal:
    """The position of each label among its column's categories: OrdinalEncoder.

    ``unknown`` and ``missing`` are what stands for a label not listed and for None; None is NaN.
    ``closed``: the original raises for a label not listed, and for None where no column has it listed.
    """

    op: ClassVar[str] = "ordinal"
    categories: tuple[tuple[Label | None, ...], ...]
    unknown: float | None
    missing: float | None
    closed: bool = False

    def apply(self, columns: Columns) -> Matrix:
        labels = columns.T.tolist() if isinstance(columns, np.ndarray) else columns
        encoded = np.empty((len(labels[0]), len(self.categories)))
        unknown = np.nan if self.unknown is None else self.unknown
        for index, (column, codes) in enumerate(zip(labels, self._codes, strict=True)):
            known = [None if value != value else value for value in column]
            if self.closed and not codes.keys() >= set(known):
                raise NotCovered
            encoded[:, index] = [codes.get(value, unknown) for value in known]
        return encoded

    def reach(self, limit: float) -> float:
        most = max(map(len, self.categories))
        return float(max(most, abs(self.unknown or 0.0), abs(self.missing or 0.0)))

    @cached_property
    def _codes(self) -> list[dict[Label | None, float]]:
        missing = np.nan if self.missing is None else self.missing
        found = []
        for categories in self.categories:
            codes: dict[Label | None, float] = {category: float(i) for i, category in enumerate(categories)}
            if None in codes:
                codes[None] = missing
            found.append(codes)
        return found


@dataclass(frozen=True)
class Select:
    """Some of the columns, in the given order: feature selection, ``drop`` and ``passthrough``."""

    op: ClassVar[str] = "select"
    columns: tuple[int, ...]

    def apply(self, columns: Matrix) -> Matrix:
        return columns[:, list(self.columns)]

    def reach(self, limit: float) -> float:
        return limit


@dataclass(frozen=True)
class Polynomial:
    """Products of columns: PolynomialFeatures.

    ``degrees``: for each degree from 2 on, triples (output column, input column, output column that holds
    the product of the rest), because scikit-learn multiplies from the right. ``linear``: pairs (output
    column, input column).
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
