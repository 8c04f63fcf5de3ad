"""Estimators by name, and the pipeline that prepares mixed columns for them."""

import ast
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import pandas as pd
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import all_estimators

from app.models.training.datasets import SEED, DataError, Task

DEFAULT: dict[Task, str] = {"classification": "RandomForestClassifier", "regression": "RandomForestRegressor"}


def build(name: str, parameters: Mapping[str, Any]) -> Any:
    """An unfitted scikit-learn classifier or regressor, with a fixed seed unless one is given.

    :raises DataError: if there is no such estimator or it has no such parameter.
    """
    known = dict(all_estimators(type_filter=["classifier", "regressor"]))
    if name not in known:
        raise DataError(f"unknown estimator {name!r}{_nearest(name, list(known))}")
    try:
        estimator = known[name]()
    except TypeError:
        raise DataError(f"{name} cannot be made from parameters alone; choose another estimator") from None
    accepted = estimator.get_params()
    for parameter in parameters:
        if parameter not in accepted:
            raise DataError(f"{name} has no parameter {parameter!r}{_nearest(parameter, list(accepted))}")
    seed = {"random_state": SEED} if "random_state" in accepted else {}
    return estimator.set_params(**seed | dict(parameters))


def task_of(estimator: Any) -> Task:
    """The task of the estimator."""
    return "regression" if is_regressor(estimator) else "classification"


def parse_parameters(assignments: Sequence[str]) -> dict[str, Any]:
    """``name=value`` strings as a mapping; values are Python literals, or else strings.

    :raises DataError: for a string without ``=``.
    """
    parameters = {}
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator or not name:
            raise DataError(f"--param takes name=value, not {assignment!r}")
        try:
            parameters[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            parameters[name] = text
    return parameters


def mixed_pipeline(features: pd.DataFrame, estimator: Any) -> Pipeline:
    """One pipeline for raw columns: numbers imputed by the median and scaled, truth values scaled, categories
    imputed and one-hot encoded, unseen categories as all zeros."""
    numeric = list(features.select_dtypes(["number", "boolean"]).columns)
    truths = list(features.select_dtypes("bool").columns.difference(numeric, sort=False))
    categorical = [column for column in features.columns if column not in (*numeric, *truths)]
    imputer = SimpleImputer(strategy="constant", fill_value="missing")
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    branches = [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
        ("truths", StandardScaler(), truths),
        ("categories", make_pipeline(imputer, encoder), categorical),
    ]
    columns = ColumnTransformer([branch for branch in branches if branch[2]])
    return Pipeline([("columns", columns), ("estimator", estimator)])


def _nearest(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.4)
    return f"; did you mean {nearest[0]}?" if nearest else f"; known are {', '.join(known)}"
