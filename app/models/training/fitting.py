"""Split, fit and evaluate."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pandas as pd
from joblib import effective_n_jobs
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from app.models.training import evaluation
from app.models.training.datasets import SEED, DataError, Dataset
from app.models.training.estimators import mixed_pipeline

TEST_SHARE = 0.2
FORESTS = (RandomForestClassifier, ExtraTreesClassifier, RandomForestRegressor, ExtraTreesRegressor)
PORTION = 0.5  # s that a portion of a forest takes at least: each costs some 20 ms


@dataclass(frozen=True)
class Fitted:
    """A fitted model, its separate scaler if any, and how it did on held-out rows."""

    model: Any
    scaler: Any
    sample: pd.DataFrame
    metrics: dict[str, float]
    evidence: dict[str, Any]
    report: str


def fit(dataset: Dataset, estimator: Any, *, advance: Callable[[float], None] = lambda share: None) -> Fitted:
    """Fit on four fifths of the rows, on all cores, and evaluate on the rest.

    Numeric features get a `StandardScaler` beside the estimator; mixed or missing values get one pipeline.

    :param advance: called with the share of a forest's trees that are fitted, 0 to 1.
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
                _fit(model, scaler.fit_transform(train_x.to_numpy(dtype=float)), train_y, advance)
                predicted = model.predict(scaler.transform(test_x.to_numpy(dtype=float)))
            else:
                _fit(model, train_x, train_y, advance)
                predicted = model.predict(test_x)
        metrics = evaluation.metrics(dataset.task, test_y, predicted)
        evidence = evaluation.evidence(dataset.task, test_y, predicted)
        report = evaluation.report(dataset.task, test_y, predicted)
    except Exception as error:  # any of some 100 estimators may raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{type(estimator).__name__} cannot be fitted: {reason}") from error
    return Fitted(model, scaler, train_x, metrics, evidence, report)


def _fit(model: Any, rows: Any, target: Any, advance: Callable[[float], None]) -> None:
    """Fit a model; a forest in portions, whose trees are those of a single fit."""
    last = model[-1] if isinstance(model, Pipeline) else model
    if not _takes_portions(last):
        model.fit(rows, target)
        return
    if last is not model:
        rows = model[:-1].fit_transform(rows, target)
    total, fitted, size = last.n_estimators, 0, effective_n_jobs(last.n_jobs)
    try:
        while fitted < total:
            started, fitted = perf_counter(), min(fitted + size, total)
            last.set_params(warm_start=True, n_estimators=fitted).fit(rows, target)
            advance(fitted / total)
            if perf_counter() - started < PORTION:
                size *= 4
    finally:
        last.set_params(warm_start=False, n_estimators=total)


def _takes_portions(estimator: Any) -> bool:
    """True of a forest that scikit-learn extends without a warning, and whose seed stays the same."""
    if type(estimator) not in FORESTS or not isinstance(estimator.random_state, int):
        return False
    several = isinstance(estimator.n_estimators, int) and estimator.n_estimators > 1
    named_weights = isinstance(getattr(estimator, "class_weight", None), str)
    return several and not (estimator.warm_start or estimator.oob_score or named_weights)


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
