"""Rows in documents of JSON: as lists, by name, by columns, or as pandas splits a frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.api.formats.decoding import check_rows
from app.api.formats.json_codec import ROUNDING_STARTS, ExactFloat, RoundedInteger, raw_rows
from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER, describe, shown
from app.models.schema.column_arrays import Column, Columns, coded
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import RawRows

# From so many rows on, columns as arrays take less time than rows: an array costs as much as 20 cells.
MANY_ROWS = 32
SPLIT = {"columns", "data", "index"}  # members of a frame that pandas splits
NUMBERS = {int, float, ExactFloat, type(None)}
SCALARS = NUMBERS | {str, bool}


def listed_rows(values: Any, signature: InputSignature | None, *, field: str) -> RawRows:
    """Rows as lists in training order, as objects by column name, or as the cells of a model of one column.

    :raises InvalidInput: if it is no list.
    """
    if not isinstance(values, list):
        raise InvalidInput([{"field": field, "reason": f"must be a list of rows, not {describe(values)}"}])
    check_rows(len(values))
    kinds = set(map(type, values))
    if signature is not None and len(signature.features) == 1 and not kinds & {list, dict}:
        values, kinds = [[cell] for cell in values], {list}
    if kinds == {dict} and (names := values[0].keys()) and all(row.keys() == names for row in values):
        return _named(tuple(names), [[row[name] for row in values] for name in names], signature)
    if len(values) < MANY_ROWS or signature is None:
        return raw_rows(values)
    rows = raw_rows(values)
    if isinstance(rows, list) and kinds == {list} and set(map(len, rows)) == {len(signature.features)}:
        return _as_columns(None, list(zip(*rows, strict=True)), signature) or rows
    return rows


def spread_rows(values: Any, signature: InputSignature | None, *, field: str) -> RawRows:
    """`listed_rows`, among which objects may hold lists, with a cell for each of several rows.

    :raises InvalidInput: naming an object whose lists differ in length.
    """
    if not isinstance(values, list) or set(map(type, values)) != {dict}:
        return listed_rows(values, signature, field=field)
    if not any(isinstance(cell, list) for cell in values[0].values()):
        return listed_rows(values, signature, field=field)
    rows: list[dict[str, Any]] = []
    for position, record in enumerate(values):
        # Only lists of one value stand beside single ones: many rows out of one value would fill the memory.
        lengths = {len(cell) if isinstance(cell, list) else 1 for cell in record.values()}
        if len(lengths) != 1 or 0 in lengths:
            reason = "is empty, or holds lists of different lengths, or a list beside a single value"
            raise InvalidInput([{"field": field, "row": position, "reason": reason}])
        cells = (cell if isinstance(cell, list) else [cell] for cell in record.values())
        rows += [dict(zip(record, row, strict=True)) for row in zip(*cells, strict=True)]
    return listed_rows(rows, signature, field=field)


def rows_by_column(values: dict[str, Any], signature: InputSignature | None, *, field: str) -> RawRows:
    """Columns by name, as lists of one length whose cells may be lists of one; or one cell each, of one row.

    :raises InvalidInput: naming a column that is no list as the others are, or has another length.
    """
    if not values:
        raise InvalidInput([{"field": field, "reason": "must hold at least one column"}])
    if not any(isinstance(column, list) for column in values.values()):
        return raw_rows([values])
    count = len(next(column for column in values.values() if isinstance(column, list)))
    for name, column in values.items():
        if not isinstance(column, list) or len(column) != count:
            reason = (
                f"has {len(column)} values, the first column has {count}"
                if isinstance(column, list)
                else f"must be a list, not {describe(column)}"
            )
            raise InvalidInput([{"field": field, "name": shown(name), "reason": reason}])
    check_rows(count)
    return _named(tuple(values), list(map(_unwrapped, values.values())), signature)


def _unwrapped(column: list[Any]) -> list[Any]:
    one_each = all(type(cell) is list and len(cell) == 1 for cell in column)
    return [cell[0] for cell in column] if one_each else column


def split_rows(split: Any, signature: InputSignature | None, *, field: str) -> RawRows:
    """``columns`` and ``data``, as pandas splits a frame; without names, or with those that pandas gives to
    none, rows are in training order.

    :raises InvalidInput: if they are no such lists; naming the rows of another length.
    """
    if not isinstance(split, dict):
        reason = f"must be an object with columns and data, not {describe(split)}"
        raise InvalidInput([{"field": field, "reason": reason}])
    if extra := split.keys() - SPLIT:
        raise InvalidInput([{"field": field, "name": shown(min(extra)), "reason": "Unknown field."}])
    names, data = _names(split.get("columns"), f"{field}.columns"), split.get("data")
    if not names or not isinstance(data, list) or (signature is not None and names == signature.names):
        return listed_rows(data, signature, field=f"{field}.data")
    check_rows(len(data))
    faulty = [i for i, row in enumerate(data) if not isinstance(row, list) or len(row) != len(names)]
    if faulty:
        reason = f"must be a list of {len(names)} values, one for each column"
        raise InvalidInput([{"field": f"{field}.data", "row": row, "reason": reason} for row in faulty])
    return _named(names, list(zip(*data, strict=True)), signature)


def _names(columns: Any, field: str) -> tuple[str, ...]:
    """The names of columns as texts; none where they are only numbered."""
    if columns is None:
        return ()
    if not isinstance(columns, list) or not all(type(name) in (str, int) for name in columns):
        raise InvalidInput([{"field": field, "reason": "must be a list of names"}])
    if len(set(map(str, columns))) < len(columns):
        raise InvalidInput([{"field": field, "reason": "holds two columns of one name"}])
    return () if columns == list(range(len(columns))) else tuple(map(str, columns))


def _named(
    names: tuple[str, ...], cells: Sequence[Sequence[Any]], signature: InputSignature | None
) -> RawRows:
    """Rows by column name: as arrays if they are many, as lists if they have all columns, else as objects."""
    if signature is not None and len(cells[0]) >= MANY_ROWS:
        columns = _as_columns(names, cells, signature)
        if columns is not None:
            return columns
    by_name = dict(zip(names, cells, strict=True))
    if signature is not None and by_name.keys() == signature.positions.keys():
        ordered = [by_name[name] for name in signature.names]
        return raw_rows(list(map(list, zip(*ordered, strict=True))))
    return raw_rows([dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)])


def _as_columns(
    names: tuple[str, ...] | None, cells: Sequence[Sequence[Any]], signature: InputSignature
) -> Columns | None:
    """Columns as arrays; None if a cell is a list or an object, which is named where rows are checked."""
    if not all(set(map(type, column)) <= SCALARS for column in cells):
        return None
    positions = range(len(cells)) if names is None else map(signature.positions.get, names)
    features = [None if position is None else signature.features[position] for position in positions]
    return Columns(names, tuple(map(_column, cells, features)))


def _column(cells: Sequence[Any], feature: Feature | None) -> Column:
    """The cells as numbers if the model's column is of numbers, else each as it is."""
    kinds = set(map(type, cells))
    if feature is not None and feature.numeric and kinds <= NUMBERS:
        numbers = np.array(cells, dtype=np.float64)
        if np.fmax.reduce(np.abs(numbers)) < EXACT_INTEGER:
            return numbers
    if float in kinds and any(type(cell) is float and abs(cell) >= ROUNDING_STARTS for cell in cells):
        raise RoundedInteger
    return coded(cells)
