import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.engines.sklearn_engine import SklearnEngine, for_serving
from app.models.schema.signature import Feature, InputSignature, OutputSignature
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted

COLUMNS = InputSignature(tuple(Feature(name, "number") for name in BOXES), "array")


class JobsRegressor(SumRegressor):
    """Has a number of jobs, as forests have."""

    def __init__(self, factor=1.0, n_jobs=None):
        super().__init__(factor)
        self.n_jobs = n_jobs


class Column(SumRegressor):
    """Answers with one column, as CatBoost does inside of a search."""

    def predict(self, rows):
        return super().predict(rows)[:, None]


class Stubborn(SumRegressor):
    """Has no parameters to set."""

    def get_params(self, deep=True):
        raise RuntimeError


class Undecided(SumClassifier):
    """Predicts a label that it did not announce."""

    def predict(self, rows):
        return np.full(len(rows), 7)


def test_served_model_uses_one_job():
    pipeline = for_serving(make_pipeline(StandardScaler(), JobsRegressor(n_jobs=8)))
    assert pipeline[-1].n_jobs == 1


def test_what_a_search_fitted_uses_one_job_and_is_silent():
    search = GridSearchCV(JobsRegressor(n_jobs=8), {"n_jobs": [4]}, cv=2, n_jobs=2)
    search.fit(BOXES, range(len(BOXES))).verbose = 3
    for_serving(search)
    assert (search.n_jobs, search.verbose, search.best_estimator_.n_jobs) == (1, 0, 1)


class Fixed(SumRegressor):
    """Has settings of kinds of its own, and lets nobody change one."""

    def __init__(self):
        self.__dict__.update(n_jobs=8, verbose="high", factor=1.0)

    def __setattr__(self, name, value):
        raise AttributeError(name)


def test_settings_that_cannot_be_changed_stay_as_they_are():
    model = for_serving(Fixed())
    assert (model.n_jobs, model.verbose) == (8, "high")


def test_model_without_parameters_serves_as_it_is():
    model = Stubborn()
    assert for_serving(model) is model


def test_column_of_answers_is_one_answer_per_row():
    engine = SklearnEngine(fitted(Column()), COLUMNS, OutputSignature("regression"))
    assert engine.predict(np.ones((2, 3))).values.tolist() == [3.0, 3.0]


def test_label_beyond_the_classes_is_no_answer():
    engine = SklearnEngine(fitted(Undecided()), COLUMNS, OutputSignature("classification", (0, 1), True))
    with pytest.raises(ValueError, match="not among its classes"):
        engine.predict(np.ones((2, 3)))


def test_model_cannot_change_the_rows_it_is_given():
    scaler = StandardScaler(copy=False).fit(BOXES.to_numpy().copy())
    rows = np.ones((2, 3))
    engine = SklearnEngine(
        make_pipeline(scaler, fitted(SumRegressor())), COLUMNS, OutputSignature("regression")
    )
    engine.predict(rows)
    assert (rows == 1.0).all()


def test_classes_need_not_be_sorted():
    class Backwards(SumClassifier):
        def fit(self, rows, target=None):
            super().fit(rows)
            self.classes_ = np.array(["small", "large"])
            return self

    engine = SklearnEngine(
        fitted(Backwards()), COLUMNS, OutputSignature("classification", ("small", "large"), True)
    )
    assert engine.predict(np.array([[9.0, 9.0, 9.0], [0.0, 0.0, 0.0]])).values.tolist() == [1, 0]


def test_frame_has_the_names_of_the_columns():
    class ByName(SumRegressor):
        def predict(self, rows):
            assert isinstance(rows, pd.DataFrame)
            return rows["width"].to_numpy()

    columns = InputSignature(COLUMNS.features, "frame")
    engine = SklearnEngine(fitted(ByName()), columns, OutputSignature("regression"))
    assert engine.predict(np.array([[1.0, 2.0, 3.0]])).values.tolist() == [2.0]
