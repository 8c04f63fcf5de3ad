"""Tables of pyarrow as columns for validation, and back. Importing it needs pyarrow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.exceptions import InvalidInput
from app.models.schema.column_arrays import Coded, Column, Columns, coded

EXACT = 2**53


def columns_of_table(table: pa.Table, known: Sequence[str] | None = None) -> Columns:
    """The columns of a table; types that JSON does not have become what stands for them there.

    :param known: names of columns to keep, or None for all.
    :raises InvalidInput: for a type that no cell of JSON stands for, naming the column.
    """
    names = [name for name in table.column_names if known is None or name in known]
    if known is not None:
        table = table.select(names)
    columns = [_column(name, each) for name, each in zip(names, table.columns, strict=True)]
    return Columns(tuple(names), tuple(columns))


def _column(name: str, column: pa.ChunkedArray) -> Column:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.unify_dictionaries()
        return _of_dictionary(name, column.combine_chunks())
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
    return _of_dictionary(name, column.combine_chunks().dictionary_encode())


def _numbers(column: pa.ChunkedArray) -> Column:
    """An array of NumPy's; whole numbers with nulls that float64 does not hold stay whole."""
    if pa.types.is_integer(column.type) and column.null_count:
        largest = pc.max(pc.abs_checked(column.cast(pa.decimal128(38)))).as_py()
        if largest is not None and largest > EXACT:
            return coded(column.to_pylist())
        column = column.cast(pa.float64())
    return np.asarray(column)


def _of_dictionary(name: str, array: Any) -> Coded:
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    codes = np.asarray(array.indices.fill_null(-1), dtype=np.intp)
    labels = [_label(name, each) for each in array.dictionary.to_pylist()]
    return Coded(
        np.where([*(label is None for label in labels), True], -1, np.arange(len(labels) + 1))[codes], labels
    )


def _label(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "isoformat"):  # dates and times are texts in JSON
        return value.isoformat()
    raise InvalidInput([{"name": name, "reason": f"holds {type(value).__name__}, which no column can be"}])


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
