"""Columns of a body as arrays, and what of them needs no look at a single cell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.rows import Matrix
from app.models.schema.signature import Feature


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column whose cells are ``labels[code]``, as in JSON; a code of -1 is a missing cell."""

    codes: NDArray[np.intp]
    labels: list[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Sequence[int]) -> "Coded":
        """The given rows, in the given order."""
        return Coded(self.codes[list(rows)], self.labels)

    def cell(self, row: int) -> Any:
        """One cell, None if it is missing."""
        return None if self.codes[row] < 0 else self.labels[self.codes[row]]


# Numbers and truth values as arrays with NaN for missing; anything else as labels.
Column = NDArray[Any] | Coded


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns of equal length; without ``names`` they are in training order."""

    names: tuple[str, ...] | None
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def take(self, rows: Sequence[int]) -> "Columns":
        """The given rows, in the given order."""
        kept = [c.take(rows) if isinstance(c, Coded) else c[list(rows)] for c in self.columns]
        return Columns(self.names, tuple(kept))

    def to_lists(self) -> list[list[Any]]:
        """One list of cells per row, None for missing."""
        cells = [[cell_of(column, row) for row in range(len(self))] for column in self.columns]
        return [list(row) for row in zip(*cells, strict=True)]


def cell_of(column: Column, row: int) -> Any:
    """One cell as in JSON, None if it is missing."""
    value = column.cell(row) if isinstance(column, Coded) else column[row].item()
    return None if value is None or value != value else value


def numbers(column: NDArray[Any], feature: Feature) -> tuple[Matrix, NDArray[np.intp]]:
    """The numbers of an array, float64, and the rows whose cells `cells.number` must judge."""
    kind, values = column.dtype.kind, column.astype(np.float64)
    if kind == "b":
        wrong = np.full(len(values), feature.kind != "boolean")
    elif kind == "f":
        wrong = ~np.isfinite(values)
        if feature.nullable:
            wrong &= ~np.isnan(values)
    else:
        wrong = (column > EXACT_INTEGER) | (column < -EXACT_INTEGER)
    if feature.kind == "boolean":
        wrong |= ~np.isin(values, (0.0, 1.0)) & ~np.isnan(values)
    elif feature.whole:
        wrong |= (values != np.floor(values)) & ~np.isnan(values)
    return values, np.flatnonzero(wrong)


def labels(
    column: Column, find: Callable[[Any], tuple[Any, str | None]]
) -> tuple[NDArray[Any], dict[int, str]]:
    """The cells of a column of labels, and the reasons against some of them by row.

    :param find: from a cell to that in the column's form, or the reason against it; called once a label.
    """
    coded = column if isinstance(column, Coded) else _coded(column)
    found = [find(label) for label in [*coded.labels, None]]  # the code of a missing cell is -1
    cells = np.empty(len(found), dtype=object)
    cells[:] = [cell for cell, _ in found]
    wrong = np.array([reason is not None for _, reason in found])
    rows = np.flatnonzero(wrong[coded.codes])
    return cells[coded.codes], {int(row): str(found[coded.codes[row]][1]) for row in rows}


def _coded(column: NDArray[Any]) -> Coded:
    values, codes = np.unique(column, return_inverse=True)
    missing = values != values
    return Coded(np.where(missing[codes], -1, codes), values.tolist())


def coded(cells: Sequence[Any]) -> Coded:
    """A column of cells as in JSON, None or NaN for missing; 1, 1.0 and true are three labels."""
    known: dict[tuple[type, Any], int] = {}
    codes = [
        -1 if cell is None or cell != cell else known.setdefault((type(cell), cell), len(known))
        for cell in cells
    ]
    return Coded(np.array(codes, dtype=np.intp), [label for _, label in known])
