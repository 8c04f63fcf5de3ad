"""Split, fit and evaluate."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from app.models.training import evaluation
from app.models.training.datasets import SEED, DataError, Dataset
from app.models.training.estimators import mixed_pipeline

TEST_SHARE = 0.2


@dataclass(frozen=True)
class Fitted:
    """A fitted model, its separate scaler if any, and its metrics on held-out rows."""

    model: Any
    scaler: Any
    sample: pd.DataFrame
    metrics: dict[str, float]
    report: str


def fit(dataset: Dataset, estimator: Any) -> Fitted:
    """Fit on four fifths of the rows, on all cores, and evaluate on the rest.

    Numeric features get a `StandardScaler` beside the estimator; mixed or missing values get one pipeline.

    :raises DataError: if there are too few rows, or only one class.
    """
    _check(dataset)
    train_x, test_x, train_y, test_y = train_test_split(
        dataset.features, dataset.target, test_size=TEST_SHARE, random_state=SEED
    )
    if dataset.task == "classification" and train_y.nunique() < 2:
        raise DataError("the training part has only one class: more rows of the others are needed")
    scaler = StandardScaler() if dataset.all_numeric else None
    model = estimator if scaler else mixed_pipeline(dataset.features, estimator)
    try:
        with _on_all_cores(model):
            if scaler:
                model.fit(scaler.fit_transform(train_x.to_numpy(dtype=float)), train_y)
                predicted = model.predict(scaler.transform(test_x.to_numpy(dtype=float)))
            else:
                model.fit(train_x, train_y)
                predicted = model.predict(test_x)
        metrics = evaluation.metrics(dataset.task, test_y, predicted)
        report = evaluation.report(dataset.task, test_y, predicted)
    except Exception as error:  # any of some 100 estimators may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{type(estimator).__name__} cannot be fitted: {reason}") from error
    return Fitted(model, scaler, train_x, metrics, report)


@contextmanager
def _on_all_cores(model: Any) -> Iterator[None]:
    """Let a model, and what is within it, use all cores where nothing else was said.

    joblib's ``parallel_config(n_jobs=-1)`` does not: a forest prefers threads, and then it is one.
    """
    unsaid = [name for name, value in model.get_params().items() if name.endswith("n_jobs") and value is None]
    model.set_params(**dict.fromkeys(unsaid, -1))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*n_jobs", category=FutureWarning)  # of linear models
            yield
    finally:
        model.set_params(**dict.fromkeys(unsaid))


def _check(dataset: Dataset) -> None:
    if len(dataset.features) < 10:
        raise DataError(f"{len(dataset.features)} rows are too few to train on: at least 10 are needed")
    if dataset.task == "classification" and dataset.target.nunique() < 2:
        only = dataset.target.iloc[0]
        raise DataError(f"the target has only one class, {only!r}: at least two are needed")
