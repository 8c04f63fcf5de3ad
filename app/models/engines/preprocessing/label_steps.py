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
    """A row that only the original may answer.

    :param rows: the positions of all such rows, or none if they are not known.
    """

    def __init__(self, rows: Sequence[int] = ()) -> None:
        super().__init__("a row is left to the original")
        self.rows = list(rows)


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


def _labels(columns: Matrix | Columns) -> list[list[Label | None]]:
    """The labels of each column; missing ones, NaN among numbers, are None."""
    listed = columns.T.tolist() if isinstance(columns, np.ndarray) else columns
    return [[None if value != value else value for value in column] for column in listed]


@dataclass(frozen=True)
class OneHot:
    """One column of zeros and ones per category, all zeros for an unlisted one: OneHotEncoder.

    ``categories``: per column, in output order, without dropped ones; None is missing. ``closed``: the
    dropped ones, if the original raises for unknown categories; None if it ignores these. ``rare``: per
    column the categories that share a further output column; none if it is empty. ``unknown_is_rare``: that
    column is the one of unlisted categories too.
    """

    op: ClassVar[str] = "one_hot"
    categories: tuple[tuple[Label | None, ...], ...]
    closed: tuple[tuple[Label | None, ...], ...] | None = None
    rare: tuple[tuple[Label | None, ...], ...] = ()
    unknown_is_rare: bool = False

    @cached_property
    def _positions(self) -> tuple[list[tuple[dict[Label | None, int], int | None]], int]:
        """Per column the output column of each category and of unlisted ones, and the width of the output."""
        positions, width = list[tuple[dict[Label | None, int], int | None]](), 0
        for categories, rare in zip(self.categories, self.rare or ((),) * len(self.categories), strict=True):
            position = {category: width + i for i, category in enumerate(categories)}
            width += len(categories)
            unlisted = width if rare and self.unknown_is_rare else None
            positions.append((position | dict.fromkeys(rare, width), unlisted))
            width += bool(rare)
        return positions, width

    def apply(self, columns: Matrix | Columns) -> Matrix:
        labels = _labels(columns)
        positions, width = self._positions
        encoded = np.zeros((len(labels[0]), width))
        for index, (column, (position, unlisted)) in enumerate(zip(labels, positions, strict=True)):
            for row, value in enumerate(column):
                if (hot := position.get(value, unlisted)) is not None:
                    encoded[row, hot] = 1.0
                elif self.closed is not None and value not in self.closed[index]:
                    raise NotCovered
        return encoded

    def reach(self, limit: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Ordinal:
    """The code of each label, by default its position among its column's categories: OrdinalEncoder.

    ``unknown`` and ``missing``: the codes of an unlisted label and of None; a code None is NaN.
    ``closed``: the original raises for an unlisted label, None included. ``codes``: per column those of its
    categories, where rare ones share one; they go before ``missing``.
    """

    op: ClassVar[str] = "ordinal"
    categories: tuple[tuple[Label | None, ...], ...]
    unknown: float | None
    missing: float | None
    closed: bool = False
    codes: tuple[tuple[float | None, ...], ...] = ()

    def apply(self, columns: Matrix | Columns) -> Matrix:
        labels = _labels(columns)
        encoded = np.empty((len(labels[0]), len(self.categories)))
        unknown = np.nan if self.unknown is None else self.unknown
        for index, (column, codes) in enumerate(zip(labels, self._codes, strict=True)):
            if self.closed and not codes.keys() >= set(column):
                raise NotCovered
            encoded[:, index] = [codes.get(value, unknown) for value in column]
        return encoded

    def reach(self, limit: float) -> float:
        most = max(map(len, self.categories))
        return float(max(most, abs(self.unknown or 0.0), abs(self.missing or 0.0)))

    @cached_property
    def _codes(self) -> list[dict[Label | None, float]]:
        return [
            {label: np.nan if code is None else code for label, code in zip(labels, codes, strict=True)}
            for labels, codes in zip(self.categories, self.codes or self._positions, strict=True)
        ]

    @property
    def _positions(self) -> list[tuple[float | None, ...]]:
        return [
            tuple(self.missing if label is None else float(i) for i, label in enumerate(labels))
            for labels in self.categories
        ]


@dataclass(frozen=True)
class TargetMeans:
    """The mean of the target for each label: TargetEncoder.

    ``categories``: per column. ``means``: per output column its column, the means of that column's
    categories, and the one for unlisted labels.
    """

    op: ClassVar[str] = "target_means"
    categories: tuple[tuple[Label | None, ...], ...]
    means: tuple[tuple[int, tuple[float, ...], float], ...]

    def apply(self, columns: Matrix | Columns) -> Matrix:
        labels = _labels(columns)
        encoded = np.empty((len(labels[0]), len(self.means)))
        for target, (source, means, unlisted) in enumerate(self._means):
            encoded[:, target] = [means.get(value, unlisted) for value in labels[source]]
        return encoded

    def reach(self, limit: float) -> float:
        return max(max(map(abs, (*means, unlisted))) for _, means, unlisted in self.means)

    @cached_property
    def _means(self) -> list[tuple[int, dict[Label | None, float], float]]:
        return [
            (source, dict(zip(self.categories[source], means, strict=True)), unlisted)
            for source, means, unlisted in self.means
        ]
