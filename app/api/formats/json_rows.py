"""Rows in documents of JSON: as lists, by name, by columns, or as pandas splits a frame."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from flask import current_app

from app.api.formats.body_size import SHORT, STRING, check_values
from app.api.formats.decoding import check_rows
from app.api.formats.json_codec import (
    ROUNDING_STARTS,
    ExactFloat,
    RoundedInteger,
    parse,
    parse_exactly,
    raw_rows,
)
from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER, describe, shown
from app.models.schema.column_arrays import Column, Columns, coded
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import RawRows

T = TypeVar("T")
# From so many rows on, columns as arrays take less time than rows: an array costs as much as 20 cells.
MANY_ROWS = 32
TEXT_OR_NAN = re.compile(rb"NaN|" + STRING.pattern, re.DOTALL)
NUMBERS = {int, float, ExactFloat, type(None)}
SCALARS = NUMBERS | {str, bool}


def decoded(
    raw: bytes, build: Callable[[Any], T], signature: InputSignature | None, *, nan: bool = False
) -> T:
    """What ``build`` makes of a body, which is parsed again, exactly, if it held a rounded integer.

    :param signature: of the model that the rows are for; it bounds the values, of ``MAX_ROWS`` at most.
    :param nan: read a bare ``NaN``, which is no JSON, as null.
    :raises InvalidInput: if the body is empty or malformed, or holds far too many values.
    """
    if not raw:
        raise InvalidInput([], message="No JSON data provided")
    if len(raw) > SHORT and signature is not None:
        check_values(raw, signature, rows=current_app.config["MAX_ROWS"])
    try:
        document = parse(raw)
    except InvalidInput as error:
        if not nan or b"NaN" not in raw:
            raise
        raw = TEXT_OR_NAN.sub(lambda found: b"null" if found[0] == b"NaN" else found[0], raw)
        try:
            document = parse(raw)
        except InvalidInput:
            raise error from None  # its line and column are those of the client's body
    try:
        return build(document)
    except RoundedInteger:
        return build(parse_exactly(raw))


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


def rows_by_column(values: dict[str, Any], signature: InputSignature | None, *, field: str) -> RawRows:
    """Columns by name, as lists of one length whose cells may be lists of one; or one cell each, of one row.

    :raises InvalidInput: naming a column of another length.
    """
    if not values:
        raise InvalidInput([{"field": field, "reason": "must hold at least one column"}])
    if not any(isinstance(column, list) for column in values.values()):
        return raw_rows([values])
    columns = {name: column if isinstance(column, list) else [column] for name, column in values.items()}
    check_rows(count := len(next(iter(columns.values()))))
    for name, column in columns.items():
        if len(column) != count:
            reason = f"has {len(column)} values, the first column has {count}"
            raise InvalidInput([{"field": field, "name": shown(name), "reason": reason}])
        if all(type(cell) is list and len(cell) == 1 for cell in column):
            columns[name] = [cell[0] for cell in column]
    return _named(tuple(columns), list(columns.values()), signature)


def split_rows(split: Any, signature: InputSignature | None, *, field: str) -> RawRows:
    """``columns`` and ``data``, as pandas splits a frame; without names, or with those that pandas gives to
    none, rows are in training order.

    :raises InvalidInput: if they are no such lists; naming a row of another length.
    """
    if not isinstance(split, dict) or not isinstance(split.get("data"), list):
        reason = "must be an object with the lists columns and data"
        raise InvalidInput([{"field": field, "reason": reason}])
    if extra := split.keys() - {"columns", "data", "index"}:
        raise InvalidInput([{"field": field, "name": shown(min(extra)), "reason": "Unknown field."}])
    names, data = _names(split.get("columns"), field), split["data"]
    if not names or (signature is not None and names == signature.names):
        return listed_rows(data, signature, field=field)
    if len(set(names)) < len(names):
        raise InvalidInput([{"field": field, "reason": "holds two columns of one name"}])
    check_rows(len(data))
    for row, cells in enumerate(data):
        if not isinstance(cells, list) or len(cells) != len(names):
            found = f"{len(cells)} values" if isinstance(cells, list) else describe(cells)
            reason = f"must be a list of {len(names)} values, one for each column, not {found}"
            raise InvalidInput([{"field": field, "row": row, "reason": reason}])
    return _named(names, list(zip(*data, strict=True)), signature)


def _names(columns: Any, field: str) -> tuple[str, ...]:
    """The names of columns as texts; none where they are only numbered."""
    if columns is None:
        return ()
    if not isinstance(columns, list) or not all(type(name) in (str, int) for name in columns):
        raise InvalidInput([{"field": field, "reason": "columns must be a list of names"}])
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
