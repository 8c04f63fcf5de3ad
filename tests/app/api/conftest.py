"""Models, and clients of them: of numbers and labels, some of them missing; of three numbers."""

import pytest
from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.estimators import INCOME, PEOPLE, SumRegressor, fitted


@pytest.fixture(scope="package")
def model():
    return mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)


@pytest.fixture(scope="module")
def people(tmp_path_factory, serve_model, model):
    return serve_model(tmp_path_factory.mktemp("models"), model, sample=PEOPLE)


@pytest.fixture
def sums(serve):
    """A client of a model that adds its three numbers."""
    return serve(fitted(SumRegressor()))
