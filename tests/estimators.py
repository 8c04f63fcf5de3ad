"""Estimators whose answers can be checked by hand, and the rows they are said to be trained on."""

from time import sleep
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

NAMES = ["height", "width", "depth"]

# Each column goes from 0 to 10 with mean 5 and standard deviation 5, so with a tolerance of one
# standard deviation everything from -5 to 15 is ordinary.
BOXES = pd.DataFrame([[0.0, 0.0, 0.0], [10.0, 10.0, 10.0]] * 10, columns=NAMES)
ROW = {"features": [1, 2, 3]}

PEOPLE = pd.DataFrame(
    {
        "age": [20.0, 30.0, 40.0, np.nan] * 10,
        "city": ["Athens", "Berlin", "Athens", "Cairo"] * 10,
    }
)
INCOME = np.array(["low", "high", "high", "low"] * 10)

SECRET = "cannot read /srv/private/weights.bin"


class SumClassifier(ClassifierMixin, BaseEstimator):
    """Class 1 where the row sums to more than 15, with probability 0.75; class 0 otherwise."""

    def fit(self, rows: Any, target: Any = None) -> Self:
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def predict(self, rows: Any) -> Any:
        return self.classes_[(np.sum(rows, axis=1) > 15).astype(int)]

    def predict_proba(self, rows: Any) -> Any:
        large = np.sum(rows, axis=1) > 15
        return np.where(large[:, None], [0.25, 0.75], [0.75, 0.25])


class SlowToLoad(SumClassifier):
    """Takes a second to unpickle."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        sleep(1)
        vars(self).update(state)


class SizeClassifier(SumClassifier):
    """The same with the labels ``large`` and ``small``."""

    def fit(self, rows: Any, target: Any = None) -> Self:
        super().fit(rows)
        self.classes_ = np.array(["large", "small"])
        return self

    def predict(self, rows: Any) -> Any:
        return np.where(np.sum(rows, axis=1) > 15, "large", "small")

    def predict_proba(self, rows: Any) -> Any:
        return super().predict_proba(rows)[:, ::-1]


class LabelClassifier(ClassifierMixin, BaseEstimator):
    """Labels ``large`` and ``small``, and no probabilities."""

    def fit(self, rows: Any, target: Any = None) -> Self:
        self.classes_ = np.array(["large", "small"])
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def predict(self, rows: Any) -> Any:
        return np.where(np.sum(rows, axis=1) > 15, "large", "small")


class PausingClassifier(SumClassifier):
    """Takes a fiftieth of a second for each call, and none of the processor."""

    def predict(self, rows: Any) -> Any:
        sleep(0.02)
        return super().predict(rows)

    def predict_proba(self, rows: Any) -> Any:
        sleep(0.02)
        return super().predict_proba(rows)


class SumRegressor(RegressorMixin, BaseEstimator):
    """The row's sum times ``factor``."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def fit(self, rows: Any, target: Any = None) -> Self:
        self.n_features_in_ = np.shape(rows)[1]
        return self

    def predict(self, rows: Any) -> Any:
        return np.sum(rows, axis=1) * self.factor


class FirstColumn(SumRegressor):
    """The first value of the row, bit for bit."""

    def predict(self, rows: Any) -> Any:
        return rows[:, 0]


class SeveralSums(SumRegressor):
    """Two target columns: the sum and the doubled sum."""

    def predict(self, rows: Any) -> Any:
        return np.sum(rows, axis=1)[:, None] * [1.0, 2.0]


class MoodyRegressor(SumRegressor):
    """Raises on a sum of 13, answers NaN on a sum of 14."""

    def predict(self, rows: Any) -> Any:
        sums = np.sum(rows, axis=1)
        if (sums == 13).any():
            raise RuntimeError(SECRET)
        return np.where(sums == 14, np.nan, sums)


class SlowRegressor(SumRegressor):
    """The sum, after a tenth of a second: more than a busy machine adds to the others."""

    def predict(self, rows: Any) -> Any:
        sleep(0.1)
        return super().predict(rows)


def fitted(estimator: Any) -> Any:
    """The estimator, fitted to `BOXES`."""
    return estimator.fit(BOXES.to_numpy())
