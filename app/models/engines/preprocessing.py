"""Fitted transformers as plain numbers: the part of a pipeline before its estimator, without scikit-learn.

Every step does scikit-learn's own arithmetic in float64, operation for operation, so that what
reaches the compiled estimator is what would have reached the original one, bit for bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from app.models.engines.text import Substitute, WordCounts
from app.models.rows import Matrix, Rows, Table
from app.models.signature import Label

Columns = Matrix | Sequence[NDArray[Any]]


class Step(Protocol):
    """One fitted transformation of a float64 matrix (n, d) or of label columns."""

    op: ClassVar[str]

    def apply(self, columns: Any) -> Any:
        """Return the transformed columns."""


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


@dataclass(frozen=True)
class OneHot:
    """One column of zeros and ones per category, all zeros for a category not listed: OneHotEncoder.

    ``categories``: per column, in output order, without those that were dropped; None is missing.
    """

    op: ClassVar[str] = "one_hot"
    categories: tuple[tuple[Label | None, ...], ...]

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
        for column, position in zip(columns, positions, strict=True):
            for row, value in enumerate(column):
                if (hot := position.get(value)) is not None:
                    encoded[row, hot] = 1.0
        return encoded


@dataclass(frozen=True)
class Ordinal:
    """The position of each label among its column's categories: OrdinalEncoder.

    ``unknown`` and ``missing`` are what stands for a label not listed and for None; None is NaN.
    """

    op: ClassVar[str] = "ordinal"
    categories: tuple[tuple[Label | None, ...], ...]
    unknown: float | None
    missing: float | None

    def apply(self, columns: Columns) -> Matrix:
        labels = columns.T.tolist() if isinstance(columns, np.ndarray) else columns
        encoded = np.empty((len(labels[0]), len(self.categories)))
        for index, (column, codes) in enumerate(zip(labels, self._codes, strict=True)):
            unknown = np.nan if self.unknown is None else self.unknown
            encoded[:, index] = [codes.get(None if value != value else value, unknown) for value in column]
        return encoded

    @cached_property
    def _codes(self) -> list[dict[Label | None, float]]:
        missing = np.nan if self.missing is None else self.missing
        return [
            {None: missing} | {category: float(code) for code, category in enumerate(categories)}
            for categories in self.categories
        ]


@dataclass(frozen=True)
class Select:
    """Some of the columns, in the given order: feature selection, ``drop`` and ``passthrough``."""

    op: ClassVar[str] = "select"
    columns: tuple[int, ...]

    def apply(self, columns: Matrix) -> Matrix:
        return columns[:, list(self.columns)]


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


@dataclass(frozen=True)
class Branch:
    """Some input columns and the steps they go through; ``labels`` if they are not numbers."""

    columns: tuple[int, ...]
    steps: tuple[Step, ...]
    labels: bool

    def apply(self, rows: Rows) -> Any:
        """Float64 (n, width) of this branch."""
        columns: Any = [_column(rows, position) for position in self.columns]
        if not self.labels:
            columns = np.column_stack(columns)
        for step in self.steps:
            columns = step.apply(columns)
        return columns


@dataclass(frozen=True)
class Preprocessor:
    """Branches side by side, then steps over all of their output; no branches: the input as it is."""

    branches: tuple[Branch, ...] = ()
    steps: tuple[Step, ...] = ()

    def apply(self, rows: Rows) -> Matrix:
        """Transform n rows of raw input to what the estimator takes, float64 (n, width)."""
        data: Any = rows
        if self.branches:
            parts = [branch.apply(rows) for branch in self.branches]
            data = np.hstack(parts) if len(parts) > 1 else parts[0]  # which spares a copy of wide rows
        elif isinstance(rows, Table):
            data = np.column_stack(rows.columns)
        for step in self.steps:
            data = step.apply(data)
        prepared: Matrix = data
        return prepared

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "branches": [
                {"columns": b.columns, "labels": b.labels, "steps": [_step_to_dict(s) for s in b.steps]}
                for b in self.branches
            ],
            "steps": [_step_to_dict(step) for step in self.steps],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Preprocessor":
        """Inverse of `to_dict`.

        :raises KeyError: if it names a step that does not exist.
        """
        branches = tuple(
            Branch(tuple(b["columns"]), tuple(map(_step_from_dict, b["steps"])), b["labels"])
            for b in data["branches"]
        )
        return cls(branches, tuple(map(_step_from_dict, data["steps"])))


STEPS: dict[str, type[Any]] = {
    step.op: step
    for step in (
        CenterScale,
        ScaleShift,
        ImputeNumber,
        ImputeLabel,
        OneHot,
        Ordinal,
        Polynomial,
        Select,
        Substitute,
        WordCounts,
    )
}


def _column(rows: Rows, position: int) -> NDArray[Any]:
    return rows.columns[position] if isinstance(rows, Table) else rows[:, position]


def _step_to_dict(step: Any) -> dict[str, Any]:
    return {"op": step.op, **asdict(step)}


def _step_from_dict(data: Mapping[str, Any]) -> Any:
    arguments = {name: _tuples(value) for name, value in data.items() if name != "op"}
    return STEPS[data["op"]](**arguments)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
