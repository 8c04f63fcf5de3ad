"""Probes of single columns: whether whole numbers, missing values and unseen categories matter to a model."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from app.models.certification.variations import unseen_label
from app.models.engines.sklearn_engine import predictions_of
from app.models.publishing.columns import column_transformers
from app.models.schema.model_input import CATEGORY, OBJECT_INTEGERS, OBJECT_NUMBERS, restore
from app.models.schema.rows import Rows, Table, take
from app.models.schema.signature import Feature, InputSignature

# Relative to the largest prediction; a smaller difference comes from the order of a sum.
ROUNDING = 1e-12
INTEGERS = ("int", "uint", "Int", "UInt", OBJECT_INTEGERS)


def predictions(model: Any, rows: Rows, signature: InputSignature) -> Any:
    """The model's predictions for rows in the form of a signature, or the error that it raised."""
    try:
        return predictions_of(model, restore(rows, signature))
    except Exception as error:  # a model may raise anything
        return error


def equal(one: Any, other: Any) -> bool:
    """True if both are predictions, equal but for the order of sums."""
    if isinstance(one, Exception) or isinstance(other, Exception) or one.shape != other.shape:
        return False
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        size = np.abs(one[np.isfinite(one)]).max(initial=0.0)
        return bool(np.allclose(one, other, rtol=0.0, atol=ROUNDING * size, equal_nan=True))
    return bool((one == other).all())


def with_whole_columns(model: Any, rows: Rows, signature: InputSignature) -> InputSignature:
    """The signature with integer columns marked as ``whole``, if the model predicts otherwise for floats."""
    whole = [(f.dtype or "").startswith(INTEGERS) for f in signature.features]
    if not any(whole):
        return signature
    pairs = list(zip(signature.features, whole, strict=True))
    floats = tuple(
        replace(f, dtype=OBJECT_NUMBERS if f.dtype == OBJECT_INTEGERS else "float64") if is_whole else f
        for f, is_whole in pairs
    )
    as_floats = predictions(model, rows, replace(signature, features=floats))
    if equal(predictions(model, rows, signature), as_floats):
        return signature
    return replace(signature, features=tuple(replace(f, whole=is_whole) for f, is_whole in pairs))


def with_tolerance(model: Any, template: Rows, signature: InputSignature) -> InputSignature:
    """The signature with nullable and open columns marked.

    :param template: one row, in which each value is replaced in turn.
    """
    features = (_probed(model, signature, i, template) for i in range(len(signature.features)))
    return replace(signature, features=tuple(features))


def _probed(model: Any, signature: InputSignature, position: int, template: Rows) -> Feature:
    feature = signature.features[position]
    missing = np.nan if feature.numeric else None
    expected = _is_imputed(model, feature.name) or feature.statistics.get("missing", 0) > 0
    possible = expected and _holds_missing(feature)
    nullable = possible and _answers_row(model, signature, template, position, missing)
    if feature.kind != "category" or feature.dtype == CATEGORY:
        return replace(feature, nullable=nullable)
    unseen = unseen_label(feature)
    tolerated = unseen is not None and _answers_row(model, signature, template, position, unseen)
    # Beyond the number of stored categories the model itself rejects unknown ones.
    return replace(feature, nullable=nullable, open=tolerated or not feature.categories)


def _holds_missing(feature: Feature) -> bool:
    """True if the dtype has a missing value that does not change the column's other values."""
    dtype = feature.dtype or ""
    return dtype != "bool" and not (feature.whole and dtype.startswith(("int", "uint")))


def _answers_row(model: Any, signature: InputSignature, template: Rows, position: int, value: Any) -> bool:
    """True if the model answers the template with one value replaced."""
    row = take(template, [0])
    if isinstance(row, Table):
        row.columns[position][0] = value
    else:
        row[0, position] = value
    found = predictions(model, row, signature)
    return not isinstance(found, Exception) and (found.dtype.kind != "f" or bool(np.isfinite(found).all()))


def _is_imputed(model: Any, name: str) -> bool:
    branches = list(column_transformers(model)) or [(model, [name])]
    return any(name in columns and _has_imputer(branch) for branch, columns in branches)


def _has_imputer(model: Any) -> bool:
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    return any(type(step).__name__.endswith("Imputer") for step in steps)
