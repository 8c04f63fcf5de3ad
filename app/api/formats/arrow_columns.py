"""Tables of pyarrow as columns for validation, and back. Importing it needs pyarrow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.column_arrays import Coded, Column, Columns, coded


class Unknown(TypeError):
    """No cell of JSON stands for a value."""


def columns_of_table(table: pa.Table, known: Sequence[str] | None = None) -> Columns:
    """The columns of a table; types that JSON does not have become what stands for them there.

    :param known: names of columns to keep, or None for all.
    :raises InvalidInput: for a type that no cell of JSON stands for, naming the column.
    """
    names = [name for name in table.column_names if known is None or name in known]
    if known is not None:
        table = table.select(names)
    return Columns(tuple(names), tuple(map(_named_column, names, table.columns)))


def _named_column(name: str, column: pa.ChunkedArray) -> Column:
    try:
        return column_of(column)
    except (pa.ArrowException, Unknown):  # lists, structures and others that have no distinct values
        reason = f"holds {column.type}, which no column can be"
        raise InvalidInput([{"name": name, "reason": reason}]) from None


def column_of(column: pa.ChunkedArray) -> Column:
    """One column.

    :raises ArrowException, Unknown: for a type that no cell of JSON stands for.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(column.unify_dictionaries().combine_chunks())
    if pa.types.is_decimal(kind):
        return _numbers(column.cast(pa.float64()))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _numbers(column)
    if pa.types.is_boolean(kind) and not column.null_count:
        return np.asarray(column)
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(kind):
        return coded(column.to_pylist())
    return _of_dictionary(column.combine_chunks().dictionary_encode())


def _numbers(column: pa.ChunkedArray) -> Column:
    """An array of NumPy's; whole numbers with nulls that float64 does not hold stay whole."""
    if pa.types.is_integer(column.type) and column.null_count:
        largest = pc.max(pc.abs_checked(column.cast(pa.decimal128(38)))).as_py()
        if largest is not None and largest > EXACT_INTEGER:
            return coded(column.to_pylist())
        column = column.cast(pa.float64())
    return np.asarray(column)


def _of_dictionary(array: pa.DictionaryArray) -> Coded:
    codes = np.asarray(array.indices.fill_null(-1), dtype=np.intp)
    labels = list(map(_label, array.dictionary.to_pylist()))
    if None in labels:
        codes[codes == labels.index(None)] = -1
    return Coded(codes, labels)


def _label(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "isoformat"):  # dates and times are texts in JSON
        return value.isoformat()
    raise Unknown


def table_of(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """A table of result columns; labels of several kinds become texts."""
    return pa.table({name: _array(column) for name, column in columns.items()})


def _array(column: NDArray[Any]) -> pa.Array:
    if column.dtype != object:
        return pa.array(column)
    cells = column.tolist()
    if len({type(cell) for cell in cells if cell is not None}) > 1:
        cells = [None if cell is None else str(cell) for cell in cells]
    return pa.array(cells)
