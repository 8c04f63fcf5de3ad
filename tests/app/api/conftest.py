"""A model of numbers and labels, some of them missing, and a client of it."""

import pytest
from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.estimators import INCOME, PEOPLE


@pytest.fixture(scope="package")
def model():
    return mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)


@pytest.fixture(scope="module")
def people(tmp_path_factory, serve_model, model):
    return serve_model(tmp_path_factory.mktemp("models"), model, sample=PEOPLE)
