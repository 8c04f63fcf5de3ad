"""In which form a model takes its rows, and what else it tolerates: found out by asking it."""

import warnings
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
from app.models.certification.probe_rows import unseen_label
from app.models.engines.sklearn_engine import called
from app.models.publishing.columns import as_rows, column_transformers, feature_of
from app.models.publishing.sample import names_of
from app.models.schema.model_input import CATEGORY, OBJECT_INTEGERS, OBJECT_NUMBERS, restore
from app.models.schema.rows import Rows, Table, take
from app.models.schema.signature import Feature, InputSignature, Label, Layout

# Of the sample, to ask the model with.
ROWS = 1_000
# Of the largest answer: what is no more is the order of a sum.
ROUNDING = 1e-12
INTEGERS = ("int", "uint", "Int", "UInt")


def input_signature(model: Any, frame: pd.DataFrame, *, array: bool = False) -> InputSignature:
    """Names, kinds, dtypes, categories and tolerance of every input column.

    In which form the model takes rows, whether it tells 1 and 1.0 apart, whether a column may be missing, and
    whether a category never seen is tolerated, is found out by asking the model to predict such rows.

    :param frame: the sample under the model's column names, see `sample_frame`.
    :param array: the sample was an array.
    :raises UnsupportedModel: if a column holds what cannot be served, or the model does not predict the
    sample.
    """
    signature = _in_accepted_form(model, frame, array=array)
    _check_no_numbers_as_text(model, frame, signature)
    signature = _with_whole_columns(model, as_rows(frame.iloc[:ROWS], signature), signature)
    template = as_rows(frame.iloc[:1], signature)
    return replace(
        signature,
        features=tuple(
            _probed(model, signature, position, template) for position in range(len(signature.features))
        ),
    )


def _predictions(model: Any, data: Any) -> Any:
    """What the model predicts for rows in its own form, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return called(model.predict, data)


def _in_accepted_form(model: Any, frame: pd.DataFrame, *, array: bool) -> InputSignature:
    """The first form in which the model predicts the sample; an array if that makes no difference."""
    failure: Exception | None = None
    for layout in _layouts(model, frame, array=array):
        form = _form(model, frame, layout)
        answers = _answers(model, frame, form)
        if isinstance(answers, Exception):
            failure = failure or answers
            continue
        if form.layout == "frame" and form.numeric and names_of(model) is None and not array:
            plain = replace(form, layout="array")
            others = _answers(model, frame, plain)
            if not isinstance(others, Exception) and _equal(answers, others):
                return plain
        return form
    _check_fitted(model)
    message = (str(failure).strip().splitlines() or [""])[0][:200]
    raise UnsupportedModel(f"the model does not predict the sample: {type(failure).__name__}: {message}")


def _check_fitted(model: Any) -> None:
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    with suppress(TypeError):  # of what is no estimator of scikit-learn's kind
        try:
            check_is_fitted(last)
        except NotFittedError:
            raise UnsupportedModel(f"{type(last).__name__} is not fitted: call fit first") from None


def _check_no_numbers_as_text(model: Any, frame: pd.DataFrame, signature: InputSignature) -> None:
    """:raises UnsupportedModel: if a column is text, and its numbers would do as well: then it is a
    mistake."""
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
    as_numbers = _answers(model, numbers, _form(model, numbers, signature.layout))
    if not isinstance(as_numbers, Exception) and _equal(as_numbers, _answers(model, frame, signature)):
        names = ", ".join(repr(signature.names[position]) for position in positions)
        raise UnsupportedModel(f"the sample holds numbers as text in {names}: turn them into numbers")


def _are_numbers(labels: Sequence[Label]) -> bool:
    if not all(isinstance(label, str) for label in labels):
        return False
    return bool(pd.to_numeric(pd.Series(labels), errors="coerce").notna().all())


def _layouts(model: Any, frame: pd.DataFrame, *, array: bool) -> list[Layout]:
    """Forms to try, the likeliest first."""
    named = names_of(model) is not None
    # A model that knows its columns by name must not be asked without: it could not tell them apart any more.
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


def _answers(model: Any, frame: pd.DataFrame, signature: InputSignature) -> Any:
    """Predictions for the first rows in a form, or what the model raised."""
    try:
        rows = as_rows(frame.iloc[:ROWS], signature)
        return np.asarray(_predictions(model, restore(rows, signature)))
    except Exception as error:  # a model may raise anything
        return error


def _equal(one: Any, other: Any) -> bool:
    """Whether two answers are the same, but for the order in which sums were rounded."""
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        size = np.abs(one[np.isfinite(one)]).max(initial=0.0)
        return bool(np.allclose(one, other, rtol=0.0, atol=ROUNDING * size, equal_nan=True))
    return bool((one == other).all())


def _with_whole_columns(model: Any, rows: Rows, signature: InputSignature) -> InputSignature:
    """The signature with columns of whole numbers marked, if the model answers otherwise to floats."""
    whole = [
        f.dtype is not None and (f.dtype.startswith(INTEGERS) or f.dtype == OBJECT_INTEGERS)
        for f in signature.features
    ]
    if not any(whole):
        return signature
    floats = replace(
        signature,
        features=tuple(
            replace(f, dtype=OBJECT_NUMBERS if f.dtype == OBJECT_INTEGERS else "float64") if is_whole else f
            for f, is_whole in zip(signature.features, whole, strict=True)
        ),
    )
    answers = []
    for form in (signature, floats):
        try:
            answers.append(np.asarray(_predictions(model, restore(rows, form))))
        except Exception:  # of numbers that it was not fitted to
            answers.append(np.empty(0))
    if _equal(*answers):
        return signature
    features = zip(signature.features, whole, strict=True)
    return replace(signature, features=tuple(replace(f, whole=is_whole) for f, is_whole in features))


def _integers(columns: pd.Index) -> tuple[int, ...]:
    if not all(isinstance(name, int | np.integer) for name in columns):
        raise UnsupportedModel("the names of the sample's columns must be strings")
    return tuple(map(int, columns))


def _probed(model: Any, signature: InputSignature, position: int, template: Rows) -> Feature:
    feature = signature.features[position]
    missing = np.nan if feature.numeric else None
    expected = _is_imputed(model, feature.name) or feature.statistics.get("missing", 0) > 0
    nullable = (
        expected and _holds_missing(feature) and _answers_row(model, signature, template, position, missing)
    )
    if feature.kind != "category" or feature.dtype == CATEGORY:
        return replace(feature, nullable=nullable)
    unseen = unseen_label(feature)
    tolerated = unseen is not None and _answers_row(model, signature, template, position, unseen)
    # With more categories than are kept the model itself refuses those that it does not know.
    return replace(feature, nullable=nullable, open=tolerated or not feature.categories)


def _holds_missing(feature: Feature) -> bool:
    """Whether the column's dtype has a missing value that leaves the column's other values what they are."""
    if feature.dtype == "bool":
        return False
    return not (feature.whole and (feature.dtype or "").startswith(("int", "uint")))


def _answers_row(model: Any, signature: InputSignature, template: Rows, position: int, value: Any) -> bool:
    """Whether the model answers the template with one value replaced."""
    row = take(template, [0])
    if isinstance(row, Table):
        row.columns[position][0] = value
    else:
        row[0, position] = value
    try:
        answer = np.asarray(_predictions(model, restore(row, signature)))
    except Exception:  # a model may raise anything for a row that it was not fitted to
        return False
    return answer.dtype.kind != "f" or bool(np.isfinite(answer).all())


def _is_imputed(model: Any, name: str) -> bool:
    branches: Sequence[tuple[Any, Any]] = list(column_transformers(model))
    if branches:
        return any(name in columns and _has_imputer(branch) for branch, columns in branches)
    return _has_imputer(model)


def _has_imputer(model: Any) -> bool:
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    return any(type(step).__name__.endswith("Imputer") for step in steps)
