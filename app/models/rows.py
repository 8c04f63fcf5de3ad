"""Rows of input as the engines take them: a float64 matrix, or a table of named columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

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

    def to_frame(self) -> "pd.DataFrame":
        """As scikit-learn pipelines with named columns expect it: NaN wherever a value is missing."""
        import pandas as pd

        return pd.DataFrame(
            {name: _nan_for_none(column) for name, column in zip(self.names, self.columns, strict=True)}
        )

    def to_lists(self) -> list[list[Any]]:
        """One JSON-ready list per row, None for missing."""
        return [list(row) for row in zip(*map(_none_for_nan, self.columns), strict=True)]


Rows = Matrix | Table


def take(rows: Rows, indices: Sequence[int]) -> Rows:
    """Select rows of either form."""
    return rows.take(indices) if isinstance(rows, Table) else rows[list(indices)]


def to_lists(rows: Rows) -> list[list[Any]]:
    """One JSON-ready list per row, None for missing."""
    if isinstance(rows, Table):
        return rows.to_lists()
    return [[None if value != value else value for value in row] for row in rows.tolist()]


def _nan_for_none(column: NDArray[Any]) -> NDArray[Any]:
    if column.dtype != object:
        return column
    return np.array([np.nan if value is None else value for value in column], dtype=object)


def _none_for_nan(column: NDArray[Any]) -> list[Any]:
    return [None if value != value else value for value in column.tolist()]
