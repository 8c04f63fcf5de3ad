"""Fit the rows of a request to the model's input, or say exactly where they do not fit."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.rows import Matrix, Rows, Table
from app.models.signature import Feature, InputSignature

RawRows = Matrix | Sequence[Sequence[Any] | Mapping[str, Any]]

EXACT_INTEGER = 2**53
NUMERIC_TYPES = frozenset((int, float))


def numeric_matrix(rows: Sequence[Sequence[Any]]) -> Matrix | None:
    """Turn rows of plain numbers into a float64 array of shape (n, d) at once.

    None if anything in them is not a finite number that float64 holds exactly enough (an integer
    beyond 2**53 is not), or the rows differ in length: `conform` then finds out what and where.
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


def conform(rows: RawRows, signature: InputSignature, *, field: str = "features") -> Rows:
    """Return ``rows`` as the model takes them.

    :param rows: a float64 array (n, d), or n rows that are lists in training order or mappings by
        column name.
    :param field: the request's name for the rows, used in the errors.
    :raises InvalidInput: naming field, row, position, column and reason, at most 100 of them.
    """
    if (
        isinstance(rows, np.ndarray)
        and signature.layout == "array"
        and rows.dtype.kind == "f"
        and rows.ndim == 2
        and rows.shape[1] == len(signature.features)
        and rows.size
        and np.isfinite(rows).all()
    ):
        return rows.astype(np.float64, copy=False)
    if not len(rows):
        raise InvalidInput([{"field": field, "reason": "must hold at least one row"}])
    return _Conformer(signature, field).conform(rows)


class _Conformer:
    """Collects the errors of one call."""

    def __init__(self, signature: InputSignature, field: str) -> None:
        self.signature = signature
        self.field = field
        self.errors: list[dict[str, Any]] = []

    def conform(self, rows: RawRows) -> Rows:
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
        if self.signature.layout == "array":
            return np.ascontiguousarray(np.column_stack(arrays))
        return Table(self.signature.names, arrays)

    def _cells(self, index: int, row: Any) -> Sequence[Any]:
        """One row's values in training order; a placeholder row if it has not the right columns."""
        names = self.signature.names
        if isinstance(row, Mapping):
            unknown = [name for name in row if name not in self.signature.positions]
            missing = [name for name in names if name not in row]
            for name in unknown[: MAX_ERRORS - len(self.errors)]:
                self._refuse(index, None, name, "unknown feature" + _suggestion(name, missing or names))
            for name in missing:
                self._refuse(index, self.signature.positions[name], name, "feature is missing")
            return [_ABSENT] * len(names) if unknown or missing else [row[name] for name in names]
        if not isinstance(row, Sequence) or isinstance(row, str):
            self._refuse(index, None, None, f"must be a list or an object, not {_describe(row)}")
        elif len(row) != len(names):
            reason = f"has {len(row)} values, the model expects {len(names)}"
            self._refuse(index, None, None, reason)
        else:
            return row
        return [_ABSENT] * len(names)

    def _column(self, position: int, feature: Feature, values: Sequence[Any]) -> NDArray[Any]:
        judge = _reason_against_number if feature.kind == "number" else _reason_against_label
        for index, value in enumerate(values):
            if self._full():
                break
            if value is not _ABSENT and (reason := judge(value, feature)):
                self._refuse(index, position, feature.name, reason)
        if self.errors:
            return np.empty(len(values))
        if feature.kind == "number":
            return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        column = np.empty(len(values), dtype=object)
        column[:] = [None if value != value else value for value in values]
        return column

    def _refuse(self, row: int, position: int | None, name: str | None, reason: str) -> None:
        where = {"field": self.field, "row": row, "position": position, "name": name}
        self.errors.append({**{k: v for k, v in where.items() if v is not None}, "reason": reason})

    def _full(self) -> bool:
        return len(self.errors) >= MAX_ERRORS


_ABSENT = object()


def _reason_against_number(value: Any, feature: Feature) -> str | None:
    if value is None or value != value:
        return None if feature.nullable else "must be a number, not null"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return f"must be a number, not {_describe(value)}"
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        return "integers beyond 2**53 cannot be represented exactly"
    if abs(value) == float("inf"):
        return "must be a finite number"
    return None


def _reason_against_label(value: Any, feature: Feature) -> str | None:
    if value is None or value != value:
        return None if feature.nullable else "must not be null"
    expected = {_describe(category) for category in feature.categories} or {_noun(str)}
    if _describe(value) not in expected:
        return f"must be {' or '.join(sorted(expected))}, not {_describe(value)}"
    if not feature.open and value not in feature.categories:
        return "unknown category" + _suggestion(str(value), map(str, feature.categories))
    return None


def _suggestion(word: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def _describe(value: Any) -> str:
    return "null" if value is None else _noun(type(value))


def _noun(kind: type) -> str:
    names = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(kind, "a list" if issubclass(kind, list | tuple) else "an object")


def _reading_order(error: Mapping[str, Any]) -> tuple[int, int]:
    return error["row"], error.get("position", -1)
