"""Frames there, frames back, the same for any number of rows."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model_service_client import InvalidInput, frames, rows
from tests.client.fake_service import Reply
from tests.estimators import BOXES, INCOME, PEOPLE, SizeClassifier, SumClassifier, SumRegressor, fitted

FEW, MANY = 8, 130
RANGE = pd.DataFrame({"height": np.arange(MANY, dtype=float), "width": 0.0, "depth": 0.0})


@pytest.fixture(params=["pyarrow", "without pyarrow"])
def _either_format(request, monkeypatch):
    if request.param != "pyarrow":
        monkeypatch.setattr(frames, "pa", None)


@pytest.fixture
def sums(serve_over_http):
    return serve_over_http(fitted(SumRegressor()), version="v1")


@pytest.mark.usefixtures("_either_format")
@pytest.mark.parametrize("count", [FEW, MANY])
def test_frame_is_answered_by_a_frame_with_its_index(serve_over_http, count):
    frame = RANGE[:count].set_index(pd.Index([f"row {i % 5}" for i in range(count)], name="id"))
    found = serve_over_http(fitted(SizeClassifier()), version="v1").predict(frame)
    assert found.index.equals(frame.index)
    assert found.columns.tolist() == ["prediction", "probability_large", "probability_small"]
    assert found["prediction"].tolist() == ["large" if row > 15 else "small" for row in range(count)]
    assert found["probability_large"].tolist() == [0.75 if row > 15 else 0.25 for row in range(count)]
    assert found.attrs["versions"] == ["v1"]


@pytest.mark.usefixtures("_either_format")
def test_answer_has_the_same_types_for_any_number_of_rows(serve_over_http):
    classifier = serve_over_http(fitted(SumClassifier()))
    many = classifier.predict(RANGE)
    assert many.dtypes.map(str).tolist() == ["int64", "float64", "float64"]
    pd.testing.assert_frame_equal(classifier.predict(RANGE[:FEW]), many[:FEW])


@pytest.mark.usefixtures("_either_format")
@pytest.mark.parametrize("count", [FEW, MANY])
@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[["depth", "height", "width"]],
        lambda frame: frame.set_axis(range(3), axis=1),
        lambda frame: frame.astype("float32"),
        lambda frame: frame.astype("int64"),
        lambda frame: frame.astype({"height": "Int64", "width": "int8"}),
        lambda frame: frame.astype("int64[pyarrow]"),
        lambda frame: frame.astype({"height": "category"}),
        lambda frame: frame.assign(height=[Decimal(int(cell)) for cell in frame["height"]]),
        lambda frame: frame.assign(height=[int(c) if c % 2 else c for c in frame["height"]]).astype(object),
        lambda frame: frame.set_axis(range(3), axis=1).astype({0: "int64"}),
    ],
)
def test_columns_of_any_order_and_type_are_predicted(sums, change, count):
    found = sums.predict(change(RANGE[:count]))
    assert found["prediction"].tolist() == list(range(count))


@pytest.mark.usefixtures("_either_format")
@pytest.mark.parametrize("count", [FEW, MANY])
def test_missing_cells_of_any_kind_and_texts_are_predicted(serve_over_http, count):
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["age", "city"]))
    model = make_pipeline(columns, LogisticRegression()).fit(PEOPLE, INCOME)
    people = serve_over_http(model, sample=PEOPLE)
    frame = pd.concat([PEOPLE] * 4, ignore_index=True)[:count]
    expected = model.predict(frame).tolist()
    assert people.predict(frame)["prediction"].tolist() == expected
    others = frame.astype({"age": "Int64", "city": "category"})
    assert people.predict(others)["prediction"].tolist() == expected
    objects = frame.astype(object).where(frame.notna(), None)
    assert people.predict(objects)["prediction"].tolist() == expected


@pytest.mark.usefixtures("_either_format")
@pytest.mark.parametrize("count", [FEW, MANY])
def test_whole_number_that_no_float_holds_is_refused_and_not_rounded(sums, count):
    frame = RANGE[:count].astype("int64")
    frame.loc[3, "height"] = 2**53 + 1
    for each in (frame, frame.set_axis(range(3), axis=1), frame.set_axis(range(3), axis=1).astype({1: "f8"})):
        with pytest.raises(InvalidInput, match="row 3, height: integers beyond"):
            sums.predict(each)


@pytest.mark.usefixtures("_either_format")
@pytest.mark.parametrize("count", [FEW, MANY])
def test_wrong_rows_are_named_or_told_in_a_column(serve_over_http, count):
    classifier = serve_over_http(fitted(SumClassifier()))
    frame = RANGE[:count].copy()
    frame.loc[2, "width"] = np.nan
    frame.loc[4, "depth"] = np.inf
    with pytest.raises(InvalidInput, match="row 4, depth: must be a finite number"):
        classifier.predict(frame)
    found = classifier.predict(frame, errors="rows")
    assert found.index.equals(frame.index)
    assert found.index[found["error"].notna()].tolist() == [2, 4]
    assert found.loc[2, "error"] == "width: must be a number, not null"
    assert found.loc[4, "error"] == "depth: must be a finite number"
    assert found.loc[[2, 4], "prediction":"probability_1"].isna().all(axis=None)
    assert found["prediction"].dtype == "Int64"
    right = frame.drop([2, 4])
    expected = classifier.predict(right)
    assert found.loc[right.index, "prediction"].tolist() == expected["prediction"].tolist()
    assert found.loc[right.index, "probability_1"].tolist() == expected["probability_1"].tolist()


def test_column_of_several_types_has_an_error_for_each_wrong_cell(sums):
    mixed = RANGE.assign(width=["x", *[0.0] * (MANY - 1)])
    found = sums.predict(mixed, errors="rows")
    assert found["error"].first_valid_index() == found["error"].last_valid_index() == 0
    assert found.loc[0, "error"] == "width: must be a number, not a string"
    assert found["prediction"].tolist()[1:] == list(range(1, MANY))


def test_column_of_errors_is_there_without_errors_too(sums):
    found = sums.predict(RANGE, errors="rows")
    assert found["error"].isna().all()
    assert found["prediction"].dtype == "float64"


@pytest.mark.parametrize("count", [FEW, MANY])
def test_rows_that_are_all_wrong_are_all_told(sums, count):
    found = sums.predict(RANGE[:count].assign(width=np.nan), errors="rows")
    assert found["error"].tolist() == ["width: must be a number, not null"] * count


def test_column_that_the_model_does_not_know_is_named(sums):
    with pytest.raises(InvalidInput, match="more: unknown feature"):
        sums.predict(RANGE.assign(more=1), errors="rows")


def test_two_columns_of_one_name_are_refused(remote):
    with pytest.raises(ValueError, match="two columns of one name"):
        remote.predict(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_frame_without_rows_is_not_asked_for(fake, remote):
    assert remote.predict(BOXES[:0]).shape == (0, 0)
    assert fake.requests == []


def test_many_rows_are_sent_in_several_requests_whose_versions_are_told(fake, remote, monkeypatch):
    monkeypatch.setattr(rows, "MOST_ROWS", 2)
    fake.replies = [
        Reply(document={"columns": {"prediction": [1, 2]}, "model_version": "v1"}),
        Reply(document={"columns": {"prediction": [3]}, "model_version": "v2"}),
    ]
    found = remote.predict(BOXES[:3])
    assert found["prediction"].tolist() == [1, 2, 3]
    assert found.attrs["versions"] == ["v1", "v2"]
    assert [len(request.document["samples"]) for request in fake.requests] == [2, 1]


def test_rows_are_counted_over_all_requests(sums, monkeypatch):
    monkeypatch.setattr(rows, "MOST_ROWS", 60)
    frame = RANGE.copy()
    frame.loc[100, "width"] = np.nan
    with pytest.raises(InvalidInput, match="row 100, width"):
        sums.predict(frame)
    assert sums.predict(frame, errors="rows")["error"].first_valid_index() == 100


def test_few_rows_are_json_and_many_are_arrow(fake, remote):
    few = {"columns": {"prediction": [1] * 50}, "model_version": "v1"}
    fake.replies = [Reply(document=few), Reply(400, {})]
    remote.predict(RANGE[:50])
    with pytest.raises(InvalidInput):
        remote.predict(RANGE[:51])
    short, long = (request.headers for request in fake.requests)
    assert (short["Content-Type"], short["Accept"]) == ("application/json", "application/json")
    assert {long["Content-Type"], long["Accept"]} == {"application/vnd.apache.arrow.stream"}
