"""The form of a model's input, derived from its predictions: array, data frame, series or texts."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from app.exceptions import UnsupportedModel
from app.models.publishing.column_probes import equal, predictions, with_tolerance, with_whole_columns
from app.models.publishing.columns import as_rows, column_transformers, feature_of
from app.models.publishing.sample import names_of
from app.models.schema.dates import ARRAY_DTYPES
from app.models.schema.signature import InputSignature, Label, Layout

# Number of rows of the sample to probe the model with.
ROWS = 1_000


def input_signature(
    model: Any, frame: pd.DataFrame, *, array: bool = False, dtype: Any = None
) -> InputSignature:
    """Names, kinds, dtypes, categories and tolerance of every input column.

    The model's predictions for the sample and for changed rows decide the form of its input, whether 1 and
    1.0 differ, whether a column may be missing, and whether unseen categories are tolerated.

    :param frame: the sample under the model's column names, see `sample_frame`.
    :param array: the sample was an array.
    :param dtype: the array's, because a frame has no dates by the day, hour or minute.
    :raises UnsupportedModel: if a column cannot be served, or the model does not predict the sample.
    """
    signature = _in_accepted_form(model, frame, array=array, dtype=dtype)
    _check_no_numbers_as_text(model, frame, signature)
    signature = with_whole_columns(model, as_rows(frame.iloc[:ROWS], signature), signature)
    return with_tolerance(model, as_rows(frame.iloc[:1], signature), signature)


def _in_accepted_form(model: Any, frame: pd.DataFrame, *, array: bool, dtype: Any) -> InputSignature:
    """The first form in which the model predicts the sample; an array if the predictions are the same."""
    failure: Exception | None = None
    for layout in _layouts(model, frame, array=array):
        form = _form(model, frame, layout)
        if layout == "array" and str(dtype) in ARRAY_DTYPES:
            form = replace(form, features=tuple(replace(f, dtype=str(dtype)) for f in form.features))
        found = _predictions(model, frame, form)
        if isinstance(found, Exception):
            failure = failure or found
            continue
        if form.layout == "frame" and form.numeric and names_of(model) is None and not array:
            plain = replace(form, layout="array")
            return plain if equal(found, _predictions(model, frame, plain)) else form
        return form
    _check_fitted(model)
    message = (str(failure).strip().splitlines() or [""])[0][:200]
    raise UnsupportedModel(f"the model does not predict the sample: {type(failure).__name__}: {message}")


def _check_fitted(model: Any) -> None:
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    with suppress(TypeError):  # the model is no scikit-learn estimator
        try:
            check_is_fitted(last)
        except NotFittedError:
            raise UnsupportedModel(f"{type(last).__name__} is not fitted: call fit first") from None


def _check_no_numbers_as_text(model: Any, frame: pd.DataFrame, signature: InputSignature) -> None:
    """:raises UnsupportedModel: if a text column holds numbers, and the model predicts the same for these."""
    positions = [
        position
        for position, feature in enumerate(signature.features)
        if feature.kind == "category" and feature.categories and _are_numbers(feature.categories)
    ]
    if not positions:
        return
    numbers = frame.iloc[:ROWS].copy()
    for position in positions:
        numbers.isetitem(position, pd.to_numeric(numbers.iloc[:, position]))
    as_numbers = _predictions(model, numbers, _form(model, numbers, signature.layout))
    if equal(as_numbers, _predictions(model, frame, signature)):
        names = ", ".join(repr(signature.names[position]) for position in positions)
        raise UnsupportedModel(f"the sample holds numbers as text in {names}: turn them into numbers")


def _are_numbers(labels: Sequence[Label]) -> bool:
    texts = all(isinstance(label, str) for label in labels)
    return texts and bool(pd.to_numeric(pd.Series(labels), errors="coerce").notna().all())


def _layouts(model: Any, frame: pd.DataFrame, *, array: bool) -> list[Layout]:
    """The forms to try, the most likely first."""
    named = names_of(model) is not None
    # Without names, a model that selects columns by name could not tell them apart.
    layouts: list[Layout] = ["frame"] if named else ["array", "frame"] if array else ["frame", "array"]
    if frame.shape[1] == 1 and frame.dtypes.iloc[0].kind == "O":
        return [*layouts, "texts", "series"] if named else ["texts", "series", *layouts]
    return layouts


def _form(model: Any, frame: pd.DataFrame, layout: Layout) -> InputSignature:
    scalars = {columns for _, columns in column_transformers(model) if isinstance(columns, str)}
    features = tuple(
        feature_of(frame.iloc[:, position], str(name), text=layout in {"texts", "series"} or name in scalars)
        for position, name in enumerate(frame.columns)
    )
    labels = None if all(isinstance(name, str) for name in frame.columns) else _integers(frame.columns)
    return InputSignature(features, layout, labels)


def _predictions(model: Any, frame: pd.DataFrame, signature: InputSignature) -> Any:
    """Predictions for the first rows, or the error that the conversion or the model raised."""
    try:
        rows = as_rows(frame.iloc[:ROWS], signature)
    except Exception as error:
        return error
    return predictions(model, rows, signature)


def _integers(columns: pd.Index) -> tuple[int, ...]:
    if not all(isinstance(name, int | np.integer) for name in columns):
        raise UnsupportedModel("the names of the sample's columns must be strings")
    return tuple(map(int, columns))
