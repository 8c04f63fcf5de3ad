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
        at = places(rows)
        return Table(self.names, tuple(column[at] for column in self.columns))

    def to_lists(self) -> list[list[Any]]:
        """One JSON-ready list per row, None for missing."""
        return to_lists(self)


Rows = Matrix | Table


def take(rows: Rows, indices: Sequence[int]) -> Rows:
    """Select rows of either form."""
    return rows.take(indices) if isinstance(rows, Table) else rows[places(indices)]


def places(indices: Sequence[int]) -> slice | list[int]:
    """What selects these positions of an array: a slice, which copies nothing, if they follow each other."""
    if isinstance(indices, range) and indices.step == 1:
        return slice(indices.start, indices.stop)
    return list(indices)


def columns_of(rows: Rows) -> list[NDArray[Any]]:
    """The columns of either form."""
    return list(rows.columns) if isinstance(rows, Table) else list(rows.T)


def to_lists(rows: Rows) -> list[list[Any]]:
    """One JSON-ready list per row, None for missing."""
    columns = (column.tolist() for column in columns_of(rows))
    cells = ([None if value != value else value for value in column] for column in columns)
    return [list(row) for row in zip(*cells, strict=True)]


def concatenate(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, which have one form, in order."""
    tables = [part for part in parts if isinstance(part, Table)]
    if not tables:
        return np.concatenate([part for part in parts if not isinstance(part, Table)])
    columns = zip(*(table.columns for table in tables), strict=True)
    return Table(tables[0].names, tuple(map(np.concatenate, columns)))
