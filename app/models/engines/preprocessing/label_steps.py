"""Fitted transformers of labels as plain data, one class each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.schema.rows import Matrix
from app.models.schema.signature import Label

Columns = Sequence[NDArray[Any]]


class NotCovered(ValueError):
    """A row holds a label for which the original raises."""


@dataclass(frozen=True)
class ImputeLabel:
    """None becomes the column's ``fill``: SimpleImputer on labels."""

    op: ClassVar[str] = "impute_label"
    fill: tuple[Label, ...]

    def apply(self, columns: Columns) -> Columns:
        return [
            np.array([fill if value is None else value for value in column], dtype=object)
            for column, fill in zip(columns, self.fill, strict=True)
        ]

    def reach(self, limit: float) -> float:
        return limit


@dataclass(frozen=True)
class OneHot:
    """One column of zeros and ones per category, all zeros for an unlisted one: OneHotEncoder.

    ``categories``: per column, in output order, without dropped ones; None is missing. ``closed``: the
    dropped ones, if the original raises for unknown categories; None if it ignores these.
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

    def apply(self, columns: Columns) -> Matrix:
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

    ``unknown`` and ``missing``: the codes of an unlisted label and of None; a code None is NaN.
    ``closed``: the original raises for an unlisted label, None included.
    """

    op: ClassVar[str] = "ordinal"
    categories: tuple[tuple[Label | None, ...], ...]
    unknown: float | None
    missing: float | None
    closed: bool = False

    def apply(self, columns: Matrix | Columns) -> Matrix:
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
        return [
            {label: missing if label is None else float(i) for i, label in enumerate(labels)}
            for labels in self.categories
        ]
