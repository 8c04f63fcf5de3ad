"""Fit the rows of a request to the model's input, or say exactly where they do not fit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.schema.cells import EXACT_INTEGER, Categories, describe, number, shown, suggestion
from app.models.schema.rows import Matrix, Rows, Table
from app.models.schema.signature import Feature, InputSignature

RawRows = Matrix | Sequence[Sequence[Any] | Mapping[str, Any]]

MOST_SUGGESTIONS = 3
NUMERIC_TYPES = frozenset((int, float))


def numeric_matrix(rows: Sequence[Sequence[Any]]) -> Matrix | None:
    """Turn rows of plain numbers into a float64 array of shape (n, d) at once.

    None if anything in them is not a finite number that float64 holds exactly enough (an integer
    beyond 2**53 is not), or the rows differ in length: `validate_rows` then finds out what and where.
    """
    for row in rows:
        if not NUMERIC_TYPES.issuperset(map(type, row)):
            return None
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (ValueError, OverflowError):
        return None
    # One comparison refuses NaN, infinity and large integers alike.
    if matrix.ndim == 2 and matrix.size and np.abs(matrix).max() < EXACT_INTEGER:
        return matrix
    return None


def validate_rows(rows: RawRows, signature: InputSignature, *, field: str = "features") -> Rows:
    """Return ``rows`` as the model takes them.

    :param rows: a float64 array (n, d), or n rows that are lists in training order or mappings by
        column name.
    :param field: the request's name for the rows, used in the errors.
    :raises InvalidInput: naming field, row, position, column and reason, at most 100 of them.
    """
    if (
        isinstance(rows, np.ndarray)
        and signature.numeric
        and rows.dtype.kind == "f"
        and rows.ndim == 2
        and rows.shape[1] == len(signature.features)
        and rows.size
        and np.isfinite(rows).all()
        and (signature.plain or _fits(rows, signature))
    ):
        return _precise(rows.astype(np.float64, copy=False), signature)
    if not len(rows):
        raise InvalidInput([{"field": field, "reason": "must hold at least one row"}])
    return _Validator(signature, field).validate_rows(rows)


class _Validator:
    """Collects the errors of one call."""

    def __init__(self, signature: InputSignature, field: str) -> None:
        self.signature = signature
        self.field = field
        self.errors: list[dict[str, Any]] = []
        self.suggestions = MOST_SUGGESTIONS

    def validate_rows(self, rows: RawRows) -> Rows:
        if isinstance(rows, np.ndarray):
            rows = rows.tolist()
        cells = [self._cells(index, row) for index, row in enumerate(rows) if not self._full()]
        columns: Iterable[tuple[Any, ...]] = zip(*cells, strict=False)
        arrays = tuple(
            self._column(position, feature, column)
            for position, (feature, column) in enumerate(zip(self.signature.features, columns, strict=False))
        )
        if self.errors:
            raise InvalidInput(sorted(self.errors, key=_reading_order))
        if self.signature.numeric:
            return _precise(np.ascontiguousarray(np.column_stack(arrays)), self.signature)
        return Table(self.signature.names, arrays)

    def _cells(self, index: int, row: Any) -> Sequence[Any]:
        """One row's values in training order; a placeholder row if it has not the right columns."""
        names = self.signature.names
        if isinstance(row, Mapping):
            unknown = [name for name in row if name not in self.signature.positions]
            missing = [name for name in names if name not in row]
            for name in unknown[: MAX_ERRORS - len(self.errors)]:
                hint = self._suggestion(name, missing or names)
                self._refuse(index, None, shown(name), f"unknown feature{hint}")
            for name in missing:
                self._refuse(index, self.signature.positions[name], name, "feature is missing")
            return [_ABSENT] * len(names) if unknown or missing else [row[name] for name in names]
        if not isinstance(row, Sequence) or isinstance(row, str):
            self._refuse(index, None, None, f"must be a list or an object, not {describe(row)}")
        elif len(row) != len(names):
            reason = f"has {len(row)} values, the model expects {len(names)}"
            self._refuse(index, None, None, reason)
        else:
            return row
        return [_ABSENT] * len(names)

    def _suggestion(self, name: str, known: Sequence[str]) -> str:
        """For the first few names only: each is compared with many."""
        if not self.suggestions:
            return ""
        self.suggestions -= 1
        return suggestion(name, known)

    def _column(self, position: int, feature: Feature, values: Sequence[Any]) -> NDArray[Any]:
        categories = Categories(feature, self._suggestion)
        cells = []
        for index, value in enumerate(values):
            if self._full():
                break
            if value is _ABSENT:
                continue
            cell, reason = number(value, feature) if feature.numeric else categories.find(value)
            if reason:
                self._refuse(index, position, feature.name, reason)
            cells.append(cell)
        if self.errors:
            return np.empty(len(values))
        if feature.numeric:
            column = np.array(cells, dtype=np.float64)
            return feature.rounded(column)
        objects = np.empty(len(cells), dtype=object)
        objects[:] = cells
        return objects

    def _refuse(self, row: int, position: int | None, name: str | None, reason: str) -> None:
        where = {"field": self.field, "row": row, "position": position, "name": name}
        self.errors.append({**{k: v for k, v in where.items() if v is not None}, "reason": reason})

    def _full(self) -> bool:
        return len(self.errors) >= MAX_ERRORS


_ABSENT = object()


def _fits(rows: Matrix, signature: InputSignature) -> bool:
    """Whether finite numbers fit the columns that take only some: whole ones, or 0 and 1."""
    for feature, column in zip(signature.features, rows.T, strict=True):
        if feature.kind == "boolean" and not np.isin(column, (0.0, 1.0)).all():
            return False
        if feature.whole and (column != np.floor(column)).any():
            return False
    return True


def _precise(rows: Matrix, signature: InputSignature) -> Matrix:
    """The numbers as exact as the model's own columns hold them."""
    if signature.plain or not any(feature.precision for feature in signature.features):
        return rows
    columns = zip(signature.features, rows.T, strict=True)
    return np.column_stack([feature.rounded(column) for feature, column in columns])


def _reading_order(error: Mapping[str, Any]) -> tuple[int, int]:
    return error["row"], error.get("position", -1)
