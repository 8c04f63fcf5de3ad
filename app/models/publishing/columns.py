"""The columns of a sample: kinds, dtypes and categories, and the sample's rows as in a request."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from app.exceptions import UnsupportedModel
from app.models.publishing.column_statistics import MAX_CATEGORIES, describe_column
from app.models.schema.dates import ARROW_DATES, OBJECT_DATES, TIME, as_text
from app.models.schema.model_input import CATEGORY, OBJECT_INTEGERS, OBJECT_NUMBERS
from app.models.schema.rows import Rows, Table
from app.models.schema.signature import Feature, InputSignature, Kind


def as_rows(frame: pd.DataFrame, signature: InputSignature) -> Rows:
    """A data frame's rows in the form of an engine's input."""
    columns = []
    for position, feature in enumerate(signature.features):
        series = frame.iloc[:, position]
        if feature.kind == "date":
            texts = [None if pd.isna(value) else as_text(value) for value in series.tolist()]
            columns.append(np.array(texts, dtype=object))
        elif feature.numeric:
            columns.append(series.to_numpy(dtype=np.float64, na_value=np.nan))
        else:
            columns.append(series.astype(object).where(series.notna(), None).to_numpy())
    if signature.numeric:
        return np.ascontiguousarray(np.column_stack(columns))
    return Table(signature.names, tuple(columns))


def column_transformers(model: Any) -> Iterator[tuple[Any, list[str] | str]]:
    """Each fitted (transformer, column names) pair of every nested ColumnTransformer; a single name stands
    for a column that the transformer gets one-dimensional, as texts."""
    if isinstance(model, Pipeline):
        for _, step in model.steps:
            yield from column_transformers(step)
    elif isinstance(model, ColumnTransformer):
        known = getattr(model, "feature_names_in_", None)
        for _, transformer, columns in getattr(model, "transformers_", ()):
            names = _names(columns, None if known is None else [str(name) for name in known])
            if names is not None:
                yield transformer, names


def _names(columns: Any, known: list[str] | None) -> list[str] | str | None:
    """The names of columns given as names, positions, a slice or a mask; None if unnamed."""
    if isinstance(columns, str):
        return columns
    if known is None:
        return None
    if isinstance(columns, int | np.integer):
        return known[columns]
    if isinstance(columns, slice):
        ends = [known.index(end) if isinstance(end, str) else end for end in (columns.start, columns.stop)]
        if isinstance(columns.stop, str):  # a slice of labels includes its end
            ends[1] += 1
        return known[ends[0] : ends[1] : columns.step]
    chosen = list(columns)
    if chosen and all(isinstance(each, bool | np.bool_) for each in chosen):
        return [name for name, each in zip(known, chosen, strict=True) if each]
    return [each if isinstance(each, str) else known[each] for each in chosen]


def feature_of(column: "pd.Series[Any]", name: str, *, text: bool) -> Feature:
    """Kind, dtype, categories and statistics of a column of the sample.

    :param text: strings are texts, not labels.
    :raises UnsupportedModel: if the column holds values that cannot be served.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(column, name)
    if pd.api.types.is_object_dtype(dtype) or isinstance(dtype, pd.StringDtype):
        return _of_objects(column, name, text=text)
    if str(dtype) == ARROW_DATES or TIME.fullmatch(str(dtype)):
        return Feature(name, "date", open=False, statistics=describe_column(column), dtype=str(dtype))
    boolean = pd.api.types.is_bool_dtype(dtype)
    if not boolean and not (pd.api.types.is_numeric_dtype(dtype) and dtype.kind in "iuf"):
        raise UnsupportedModel(f"column {name!r} holds {dtype}: turn it into numbers or text")
    kind: Kind = "boolean" if boolean else "number"
    return Feature(name, kind, statistics=describe_column(column), dtype=str(dtype))


def _of_objects(column: "pd.Series[Any]", name: str, *, text: bool) -> Feature:
    present = column.dropna()
    kinds = {type(value) for value in present.tolist()}
    if kinds == {date}:
        return Feature(name, "date", open=False, statistics=describe_column(column), dtype=OBJECT_DATES)
    _check_kinds(kinds, name)
    none = column.dtype == object and any(value is None for value in column[column.isna()].tolist())
    dtype = str(column.dtype)
    if kinds and not any(issubclass(kind, str | bool | np.bool_) for kind in kinds):
        whole = all(issubclass(kind, int | np.integer) for kind in kinds)
        statistics = describe_column(column.astype(float))
        dtype = OBJECT_INTEGERS if whole else OBJECT_NUMBERS
        return Feature(name, "number", statistics=statistics, dtype=dtype, none=none)
    statistics = describe_column(column)
    if text and all(issubclass(kind, str) for kind in kinds):
        return Feature(name, "text", statistics=statistics, dtype=dtype, none=none)
    labels = [value.item() if isinstance(value, np.generic) else value for value in present.unique().tolist()]
    labels.sort(key=lambda label: (str(type(label)), label))
    categories = tuple(labels) if len(labels) <= MAX_CATEGORIES else ()
    return Feature(name, "category", categories=categories, statistics=statistics, dtype=dtype, none=none)


def _check_kinds(kinds: set[type], name: str) -> None:
    for kind in kinds:
        if not issubclass(kind, str | int | float | Decimal | np.number | np.bool_):
            raise UnsupportedModel(f"column {name!r} holds a {kind.__name__}: turn it into numbers or text")


def _categorical(column: "pd.Series[Any]", name: str) -> Feature:
    labels = column.cat.categories.astype(object).tolist()
    _check_kinds({type(label) for label in labels}, name)
    feature = Feature(name, "category", categories=tuple(labels), statistics=describe_column(column))
    return replace(feature, open=False, dtype=CATEGORY, ordered=bool(column.cat.ordered))
