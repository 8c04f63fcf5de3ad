"""Rows of input for the engines: a float64 matrix, or a table of named columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, in training order.

    Number columns are float64 with NaN for missing; category and text columns are object arrays
    with None for missing.
    """

    names: tuple[str, ...]
    columns: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def take(self, rows: Sequence[int]) -> "Table":
        """The given rows, in the given order."""
        return Table(self.names, tuple(column[list(rows)] for column in self.columns))

    def to_lists(self) -> list[list[Any]]:
        """One JSON-ready list per row, None for missing."""
        return [list(row) for row in zip(*map(_none_for_nan, self.columns), strict=True)]


Rows = Matrix | Table


def take(rows: Rows, indices: Sequence[int]) -> Rows:
    """Select rows of either form."""
    return rows.take(indices) if isinstance(rows, Table) else rows[list(indices)]


def columns_of(rows: Rows) -> list[NDArray[Any]]:
    """The columns of either form."""
    return list(rows.columns) if isinstance(rows, Table) else list(rows.T)


def to_lists(rows: Rows) -> list[list[Any]]:
    """One JSON-ready list per row, None for missing."""
    if isinstance(rows, Table):
        return rows.to_lists()
    return [[None if value != value else value for value in row] for row in rows.tolist()]


def concatenate(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, which have one form, in order."""
    tables = [part for part in parts if isinstance(part, Table)]
    if not tables:
        return np.concatenate([part for part in parts if not isinstance(part, Table)])
    columns = zip(*(table.columns for table in tables), strict=True)
    return Table(tables[0].names, tuple(map(np.concatenate, columns)))


def _none_for_nan(column: NDArray[Any]) -> list[Any]:
    return [None if value != value else value for value in column.tolist()]
