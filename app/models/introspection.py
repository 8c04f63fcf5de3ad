"""Read the input and output signature off a fitted estimator and a sample of its training data."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_outlier_detector
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from app.exceptions import UnsupportedModel
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.rows import Matrix, Rows, Table, take
from app.models.signature import (
    Feature,
    InputSignature,
    Label,
    Layout,
    OutputSignature,
)
from app.models.statistics import MAX_CATEGORIES, describe_column

UNSEEN = "\x00 never seen in training"


def output_signature(estimator: Any) -> OutputSignature:
    """What the estimator predicts.

    :raises UnsupportedModel: for an estimator that is not fitted, cannot predict, or has several
        target columns of classes.
    """
    if not hasattr(estimator, "predict"):
        raise UnsupportedModel(f"{type(estimator).__name__} has no predict method")
    if is_outlier_detector(estimator):
        return OutputSignature("outlier_detection", classes=(-1, 1))
    if not is_classifier(estimator):
        return OutputSignature("regression")
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        raise UnsupportedModel(f"{type(estimator).__name__} is not fitted")
    if isinstance(classes, list):
        raise UnsupportedModel("classifiers with several target columns are not supported")
    labels: tuple[Label, ...] = tuple(np.asarray(classes).tolist())
    return OutputSignature("classification", labels, hasattr(estimator, "predict_proba"))


def sample_frame(estimator: Any, sample: Any, feature_names: Sequence[str] | None) -> pd.DataFrame:
    """The sample as a data frame whose columns have the names callers will use.

    :param sample: data frame, array (n, d), or one-dimensional array of texts.
    """
    if isinstance(sample, pd.DataFrame):
        frame = sample
    elif isinstance(sample, pd.Series):
        frame = sample.to_frame(sample.name or "text")
    elif np.ndim(sample) == 1:
        frame = pd.DataFrame({"text": np.asarray(sample, dtype=object)})
    else:
        names = feature_names if feature_names is not None else _names_in(estimator)
        columns = list(names) if names is not None else _numbered(np.shape(sample)[1])
        frame = pd.DataFrame(np.asarray(sample), columns=columns)
    return frame.rename(columns=str).reset_index(drop=True)


def input_signature(estimator: Any, frame: pd.DataFrame, output: OutputSignature) -> InputSignature:
    """Names, kinds, categories and tolerance of every input column.

    Whether a column may be missing, and whether a category never seen is tolerated, is found out by
    asking the estimator to predict such a row.
    """
    features = tuple(_feature(estimator, frame, name) for name in frame.columns)
    signature = InputSignature(features, _layout(estimator, features))
    engine = SklearnEngine(estimator, signature.layout, output)
    template = as_rows(frame.iloc[:1], signature)
    return replace(
        signature,
        features=tuple(
            _probed(feature, position, template, engine, imputed=_is_imputed(estimator, feature.name))
            for position, feature in enumerate(features)
        ),
    )


def as_rows(frame: pd.DataFrame, signature: InputSignature) -> Rows:
    """A data frame's rows in the form in which requests reach the engines."""
    if signature.layout == "array":
        return np.ascontiguousarray(frame.to_numpy(dtype=np.float64))
    columns = []
    for feature in signature.features:
        series = frame[feature.name]
        if feature.kind == "number":
            columns.append(series.to_numpy(dtype=np.float64))
        else:
            column = np.empty(len(series), dtype=object)
            column[:] = [
                None if missing else value for value, missing in zip(series, series.isna(), strict=True)
            ]
            columns.append(column)
    return Table(signature.names, tuple(columns))


def stand_in_sample(estimator: Any, *, rows: int = 200) -> Matrix:
    """Rows to probe a numeric model with when no training data came along, shape (rows, d).

    Normal around the fitted scaler's centre where there is one, else around zero.

    :raises UnsupportedModel: if the number of features is unknown.
    """
    width = getattr(estimator, "n_features_in_", None)
    if width is None or _named_columns(estimator):
        raise UnsupportedModel("a sample of the training data is needed to know the model's columns")
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
    centre = getattr(first, "mean_", 0.0)
    spread = getattr(first, "scale_", 1.0)
    noise = np.random.default_rng(0).normal(size=(rows, width))
    return np.asarray(noise * (1.0 if spread is None else spread) + (0.0 if centre is None else centre))


def _layout(estimator: Any, features: Sequence[Feature]) -> Layout:
    if len(features) == 1 and features[0].kind == "text" and not _named_columns(estimator):
        return "texts"
    if _named_columns(estimator) or any(feature.kind != "number" for feature in features):
        return "frame"
    return "array"


def _feature(estimator: Any, frame: pd.DataFrame, name: str) -> Feature:
    column = frame[name]
    statistics = describe_column(column)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return Feature(name, "number", statistics=statistics)
    if _is_text(estimator, name, frame):
        return Feature(name, "text", statistics=statistics)
    labels = column.dropna().unique().tolist()
    for label in labels:
        if not isinstance(label, str | int | float):
            kind = type(label).__name__
            raise UnsupportedModel(f"column {name!r} holds a {kind}: turn it into numbers or text")
    labels.sort(key=lambda label: (str(type(label)), label))
    categories = tuple(labels) if len(labels) <= MAX_CATEGORIES else ()
    return Feature(name, "category", categories=categories, statistics=statistics)


def _probed(
    feature: Feature, position: int, template: Rows, engine: SklearnEngine, *, imputed: bool
) -> Feature:
    missing = np.nan if feature.kind == "number" else None
    expected = imputed or feature.statistics.get("missing", 0) > 0
    return replace(
        feature,
        nullable=expected and _predicts(engine, template, position, missing),
        open=feature.kind != "category"
        or (isinstance((*feature.categories, "")[0], str) and _predicts(engine, template, position, UNSEEN)),
    )


def _predicts(engine: SklearnEngine, template: Rows, position: int, value: Any) -> bool:
    row = take(template, [0])
    if isinstance(row, Table):
        row.columns[position][0] = value
    else:
        row[0, position] = value
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a row that is odd on purpose
            engine.predict(row)
    except (ValueError, TypeError):
        return False
    return True


def _column_transformers(estimator: Any) -> Iterator[tuple[Any, list[str] | str]]:
    """Each fitted (transformer, column names) pair of every ColumnTransformer inside."""
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps:
            yield from _column_transformers(step)
    elif isinstance(estimator, ColumnTransformer):
        names = getattr(estimator, "feature_names_in_", None)
        for _, transformer, columns in estimator.transformers_:
            if isinstance(columns, str):
                yield transformer, columns
            elif names is not None:
                yield (
                    transformer,
                    list(np.asarray(names)[columns]) if _positional(columns) else list(columns),
                )


def _positional(columns: Any) -> bool:
    return isinstance(columns, slice) or not all(isinstance(column, str) for column in columns)


def _named_columns(estimator: Any) -> bool:
    """True if the estimator picks its columns out of a data frame by name."""
    return any(True for _ in _column_transformers(estimator)) or _names_categories(estimator)


def _names_categories(estimator: Any) -> bool:
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return getattr(last, "is_categorical_", None) is not None and _names_in(estimator) is not None


def _is_text(estimator: Any, name: str, frame: pd.DataFrame) -> bool:
    if not _named_columns(estimator):
        return len(frame.columns) == 1
    return any(columns == name for _, columns in _column_transformers(estimator))


def _is_imputed(estimator: Any, name: str) -> bool:
    branches = list(_column_transformers(estimator))
    if branches:
        return any(name in columns and _has_imputer(branch) for branch, columns in branches)
    return _has_imputer(estimator)


def _has_imputer(estimator: Any) -> bool:
    steps = [step for _, step in estimator.steps] if isinstance(estimator, Pipeline) else [estimator]
    return any(type(step).__name__.endswith("Imputer") for step in steps)


def _names_in(estimator: Any) -> Sequence[str] | None:
    return getattr(estimator, "feature_names_in_", None)


def _numbered(width: int) -> list[str]:
    return [f"feature_{position}" for position in range(width)]
