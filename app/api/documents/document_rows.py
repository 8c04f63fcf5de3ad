"""Rows of a JSON document, in the layouts that dialects have in common: by row, by column, and split."""

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np

from app.api.documents.document_body import Document
from app.api.formats.decoding import check_rows
from app.api.formats.json_codec import ROUNDING_STARTS, ExactFloat, raw_rows
from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER, describe
from app.models.schema.column_arrays import Column, Columns, coded
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import RawRows

# From so many rows on columns are faster than a walk over the cells.
MANY = 16
NUMBERS, LABELS = {int, float, ExactFloat, NoneType}, {str, bool, int, float, ExactFloat, NoneType}


def rows_by_row(values: Any, signature: InputSignature | None, *, field: str) -> RawRows:
    """Rows out of a list: of lists in training order, of objects by column name, or of single values for a
    model of one column. An object may hold lists, with a value for each of several rows.

    :raises InvalidInput: if it is no list, or holds none or too many rows.
    """
    if not isinstance(values, list):
        raise InvalidInput([{"field": field, "reason": f"must be a list, not {describe(values)}"}])
    check_rows(len(values))
    kinds = set(map(type, values))
    if not kinds & {list, dict}:
        values, kinds = [[value] for value in values], {list}
    if kinds == {dict} and any(isinstance(cell, list) for cell in values[0].values()):
        values = _rows_of_lists(values, field)
        check_rows(len(values))
    if signature is None or len(values) < MANY:
        return raw_rows(values)
    if kinds == {list}:
        rows = raw_rows(values) if signature.numeric else values
        if isinstance(rows, np.ndarray) or any(len(row) != len(signature.names) for row in values):
            return rows
        cells: Sequence[Sequence[Any]] = list(zip(*values, strict=True))
    elif kinds == {dict} and all(row.keys() == signature.positions.keys() for row in values):
        cells = [[row[name] for row in values] for name in signature.names]
    else:
        return raw_rows(values)
    columns = _columns(cells, signature, named=kinds == {dict})
    return raw_rows(values) if columns is None else columns


def rows_by_column(document: Mapping[str, Any], signature: InputSignature | None, *, field: str) -> RawRows:
    """Rows out of lists by column name, or of lists of one value each.

    :raises InvalidInput: naming a column that is no list, or shorter than the first.
    """
    if not document:
        raise InvalidInput([{"field": field, "reason": "must hold a list for each column"}])
    cells = {name: _unwrapped(column) for name, column in document.items()}
    count = len(next((column for column in cells.values() if isinstance(column, list | tuple)), ()))
    for name, column in cells.items():
        if not isinstance(column, list | tuple):
            reason = f"must be a list, not {describe(column)}"
            raise InvalidInput([{"field": field, "name": name[:64], "reason": reason}])
        if len(column) != count:
            reason = f"holds {len(column)} values, the first column {count}"
            raise InvalidInput([{"field": field, "name": name[:64], "reason": reason}])
    check_rows(count)
    if signature is not None and count >= MANY and cells.keys() == signature.positions.keys():
        columns = _columns([cells[name] for name in signature.names], signature, named=True)
        if columns is not None:
            return columns
    return raw_rows([dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)])


def rows_of_split(document: Mapping[str, Any], signature: InputSignature | None, *, field: str) -> RawRows:
    """Rows out of ``data``, lists in the order of ``columns``; ``index`` says nothing about them.

    :raises InvalidInput: naming a row of another length, or a column that is there twice.
    """
    data, names = document.get("data"), document.get("columns")
    if names is None:
        return rows_by_row(data, signature, field=f"{field}.data")
    if not isinstance(names, list) or len({str(name) for name in names}) < len(names):
        raise InvalidInput([{"field": f"{field}.columns", "reason": "must be a list of different names"}])
    if not isinstance(data, list):
        raise InvalidInput([{"field": f"{field}.data", "reason": f"must be a list, not {describe(data)}"}])
    check_rows(len(data))
    faulty = [i for i, row in enumerate(data) if not isinstance(row, list) or len(row) != len(names)]
    if faulty:
        reason = f"must be a list of {len(names)} values, one for each of columns"
        raise InvalidInput([{"field": f"{field}.data", "row": row, "reason": reason} for row in faulty])
    return rows_by_column(
        dict(zip(map(str, names), zip(*data, strict=True), strict=True)), signature, field=field
    )


def _rows_of_lists(records: list[Document], field: str) -> list[Document]:
    rows: list[Document] = []
    for position, record in enumerate(records):
        # Only lists of one value stand beside single ones: many rows out of one value would fill the memory.
        lengths = {len(cell) if isinstance(cell, list) else 1 for cell in record.values()}
        if len(lengths) != 1:
            reason = "is empty, or holds lists of different lengths, or a list beside a single value"
            raise InvalidInput([{"field": field, "row": position, "reason": reason}])
        cells = (cell if isinstance(cell, list) else [cell] for cell in record.values())
        rows += [dict(zip(record, row, strict=True)) for row in zip(*cells, strict=True)]
    return rows


def _unwrapped(column: Any) -> Any:
    if isinstance(column, list) and column and all(type(cell) is list and len(cell) == 1 for cell in column):
        return [cell[0] for cell in column]
    return column


def _columns(cells: Sequence[Sequence[Any]], signature: InputSignature, *, named: bool) -> Columns | None:
    """Columns in training order, or None where a look at each cell is needed."""
    found = [_column(column, feature) for column, feature in zip(cells, signature.features, strict=True)]
    columns = tuple(column for column in found if column is not None)
    if len(columns) < len(found):
        return None
    return Columns(signature.names if named else None, columns)


def _column(cells: Sequence[Any], feature: Feature) -> Column | None:
    kinds = set(map(type, cells))
    if feature.numeric and kinds == {bool}:
        return np.array(cells)
    if feature.numeric and kinds <= NUMBERS:
        try:
            numbers = np.array(cells, dtype=np.float64)
        except OverflowError:
            return None
        return None if (np.abs(numbers) >= EXACT_INTEGER).any() else numbers
    if not kinds <= LABELS or (float in kinds and any(map(_may_be_rounded, cells))):
        return None
    return coded(cells)


def _may_be_rounded(cell: Any) -> bool:
    return type(cell) is float and abs(cell) >= ROUNDING_STARTS
