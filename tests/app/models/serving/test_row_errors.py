"""The work that rejected rows cost is bounded, and every one of them is named."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import OneHotEncoder

from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.ml_models import model_manager
from app.models.serving import row_errors
from app.models.serving.row_errors import predict_possible
from tests.assertions import assert_error
from tests.estimators import BOXES, SumRegressor, fitted

WIDTH, ROWS = 500, 300
COLUMNS = pd.DataFrame(np.arange(2.0 * WIDTH).reshape(2, WIDTH), columns=[f"c{n}" for n in range(WIDTH)])
FAULTS = {
    "names missing": {"c0": 1.0},
    "names unknown": {f"d{number}": 1.0 for number in range(WIDTH)},
    "another width": [1.0],
    "another kind": "text",
    "no numbers": ["x"] * WIDTH,
    "nulls by name": dict.fromkeys(COLUMNS.columns),
}


class Counting:
    """Calls the served model, and counts how often."""

    def __init__(self, predict):
        self.predict, self.calls = predict, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        return self.predict(*arguments, **options)


@pytest.fixture
def predict(serve):
    serve(SumRegressor().fit(COLUMNS, [0, 1]), sample=COLUMNS)
    return Counting(model_manager.served_model.predict)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_all_rows_with_a_fault_are_found_at_once(predict, fault):
    with pytest.raises(InvalidInput) as caught:
        predict_possible(predict, [fault] * ROWS)
    assert predict.calls == 1
    assert {error["row"] for error in caught.value.errors} == set(range(ROWS))
    assert len(caught.value.errors) <= MAX_ERRORS + ROWS
    assert len(caught.value.details["errors"]) == MAX_ERRORS


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_other_rows_are_predicted_in_the_second_call(predict, fault):
    good = [2.0] * WIDTH
    prediction, positions, rejected = predict_possible(predict, [fault, good] * ROWS)
    assert (predict.calls, positions) == (2, list(range(1, 2 * ROWS, 2)))
    assert len(prediction.output.values) == ROWS
    assert sorted(rejected) == list(range(0, 2 * ROWS, 2))
    assert all(rejected.values())


def test_suggestions_are_few_whatever_the_number_of_rows(predict, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "app.models.schema.row_validator.suggestion", lambda *words: asked.append(words) or ""
    )
    with pytest.raises(InvalidInput):
        predict_possible(predict, [{"columm": 1.0}] * ROWS)
    assert len(asked) == 3


def test_rows_of_outliers_are_found_at_once(serve):
    client = serve(fitted(SumRegressor()), OUTLIER_POLICY="reject", MAX_BATCH_SIZE=2 * ROWS)
    rows = [[99, 99, 99], [1, 2, 3]] * ROWS
    document = client.post("/api/predict/batch?errors=rows", json={"samples": rows}).get_json()
    assert (document["rejected"], document["count"]) == (ROWS, 2 * ROWS)
    assert [len(each["details"]["errors"]) for each in document["results"][0:200:2]] == [3] * 33 + [1] * 67


class RefusesAll(RegressorMixin, BaseEstimator):
    """Knows the rows of its training data alone."""

    def fit(self, rows, target):
        self.encoder_ = OneHotEncoder().fit(rows)
        self.n_features_in_ = 3
        return self

    def predict(self, rows):
        return self.encoder_.transform(np.asarray(rows)).toarray().sum(axis=1)


def test_rows_are_tried_alone_for_a_limited_time(serve, monkeypatch):
    client = serve(RefusesAll().fit(BOXES.to_numpy(), None))
    samples = [[0.5, 0.5, 0.5]] * 8 + BOXES[:2].to_numpy().tolist()
    path, body = "/api/predict/batch?errors=rows", {"samples": samples}
    assert client.post(path, json=body).get_json()["rejected"] == 8
    monkeypatch.setattr(row_errors, "MAX_SECONDS", 0.0)
    errors = assert_error(client.post(path, json=body), 400, "validation_error")
    assert [error["row"] for error in errors] == list(range(10))
    assert {error["reason"] for error in errors} == {row_errors.UNDECIDED}
