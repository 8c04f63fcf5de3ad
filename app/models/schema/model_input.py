"""Rows in the form of the training data: array, data frame, series or texts, with the sample's dtypes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.dates import OBJECT_DATES, restored
from app.models.schema.rows import Matrix, Rows, columns_of
from app.models.schema.signature import Feature, InputSignature

if TYPE_CHECKING:
    import pandas as pd

# An object column of numbers: whole ones alone, or any.
OBJECT_INTEGERS, OBJECT_NUMBERS = "object[int]", "object[float]"
CATEGORY = "category"


def restore(rows: Rows, signature: InputSignature) -> Any:
    """The rows in the model's own form: a copy, because a model may change its input.

    A column becomes integers again only if all of its values are whole.
    """
    if signature.layout == "texts":
        return columns_of(rows)[0].copy()
    if signature.layout == "series":
        return _frame(rows, signature).iloc[:, 0]
    if signature.layout == "frame":
        return _frame(rows, signature)
    dtypes = {feature.dtype for feature in signature.features}
    if isinstance(rows, np.ndarray) and len(dtypes) == 1:
        return _numbers(rows.copy(), dtypes.pop())
    columns = [_column(f, c) for f, c in zip(signature.features, columns_of(rows), strict=True)]
    if all(feature.kind == "date" for feature in signature.features) and dtypes != {OBJECT_DATES}:
        return np.column_stack([np.asarray(column) for column in columns])
    if all(feature.dtype == "str" for feature in signature.features):
        return np.column_stack([np.array(list(column), dtype=str) for column in columns])
    array = np.empty((len(rows), len(columns)), dtype=object)
    for position, column in enumerate(columns):
        array[:, position] = column
    return array


def _frame(rows: Rows, signature: InputSignature) -> "pd.DataFrame":
    import pandas as pd

    names: list[Any] = list(signature.labels or signature.names)
    if isinstance(rows, np.ndarray) and all(f.dtype in {None, "float64"} for f in signature.features):
        return pd.DataFrame(rows.copy(), columns=names)
    columns = {}
    for name, feature, values in zip(names, signature.features, columns_of(rows), strict=True):
        column = _column(feature, values)
        # An explicit dtype, because pandas would turn an array of objects into strings.
        objects = isinstance(column, np.ndarray) and column.dtype == object
        columns[name] = pd.Series(column, dtype=object) if objects else column
    return pd.DataFrame(columns)


def _column(feature: Feature, values: NDArray[Any]) -> Any:
    """One column, float64 or objects with None for missing, in the sample's dtype."""
    dtype = feature.dtype
    if feature.numeric:
        if dtype in {OBJECT_INTEGERS, OBJECT_NUMBERS}:
            whole = dtype == OBJECT_INTEGERS
            cells = [_missing(feature) if v != v else _number(v, whole=whole) for v in values.tolist()]
            return np.array(cells, dtype=object)
        if dtype is not None and _is_extension(dtype):
            return _extension([None if v != v else _number(v, whole=True) for v in values.tolist()], dtype)
        return _numbers(values, dtype)
    if feature.kind == "date" and dtype is not None:
        return restored(values.tolist(), dtype)
    if dtype == CATEGORY:
        import pandas as pd

        return pd.Categorical(values.tolist(), categories=list(feature.categories), ordered=feature.ordered)
    if dtype is not None and dtype != "object" and _is_extension(dtype):
        return _extension(values.tolist(), dtype)
    return np.array([_missing(feature) if value is None else value for value in values], dtype=object)


def _numbers(values: Matrix, dtype: str | None) -> NDArray[Any]:
    """Numbers in a NumPy dtype, if they fit."""
    if dtype is None or dtype == "float64":
        return values
    if dtype == "bool":
        return values.astype(bool)
    wanted = np.dtype(dtype)
    if wanted.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(wanted)
    # One comparison excludes NaN, infinity and large integers.
    if not np.abs(values).max(initial=0) <= EXACT_INTEGER or (values != np.floor(values)).any():
        return values
    limits = np.iinfo(wanted)
    fits = values.min(initial=0) >= limits.min and values.max(initial=0) <= limits.max
    return values.astype(wanted if fits else np.int64)


def _number(value: float, *, whole: bool) -> int | float:
    return int(value) if whole and value.is_integer() else value


def _missing(feature: Feature) -> float | None:
    return None if feature.none else np.nan


def _is_extension(dtype: str) -> bool:
    """True for the dtypes of pandas alone: ``Int64``, ``boolean``, ``string``, ``str``."""
    if dtype == "str":
        return True
    try:
        np.dtype(dtype)
    except TypeError:
        return True
    return False


def _extension(cells: list[Any], dtype: str) -> Any:
    import pandas as pd

    if dtype.lower().startswith(("int", "uint")) and any(isinstance(cell, float) for cell in cells):
        dtype = "Float64"
    return pd.array(cells, dtype=dtype)
