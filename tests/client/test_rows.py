import numpy as np
import pytest

from model_service_client import InvalidInput, Prediction, rows
from tests.client.fake_service import Reply, error
from tests.estimators import NAMES, FirstColumn, MoodyRegressor, SumClassifier, SumRegressor, fitted

MANY = [[float(row), 0.0, 0.0] for row in range(130)]


@pytest.fixture
def sums(serve_over_http):
    """A client of a model that answers each row with its sum."""
    return serve_over_http(fitted(SumRegressor()), version="v1")


@pytest.mark.parametrize("count", [1, 50, 51, 130])
@pytest.mark.parametrize(
    "form", [list, np.array, lambda each: [dict(zip(NAMES, r, strict=False)) for r in each], iter]
)
def test_rows_are_predicted_in_order_in_any_form(sums, form, count):
    found = sums.predict_batch(form(MANY[:count]))
    assert [each.prediction for each in found] == list(range(count))
    assert {each.version for each in found} == {"v1"}


def test_batch_has_all_that_a_row_has(serve_over_http):
    classifier = serve_over_http(fitted(SumClassifier()))
    (found,) = classifier.predict_batch([[9, 9, 9]])
    alone = classifier.predict([9, 9, 9])
    assert found == Prediction(
        1, 0.75, alone.probabilities, version=alone.version, request_id=found.request_id
    )


def test_no_rows_are_no_request(fake, remote):
    assert remote.predict_batch([]) == []
    assert fake.requests == []


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i1", "i8", "u8", "O"])
def test_array_of_any_numbers_is_predicted_exactly(serve_over_http, dtype):
    first = serve_over_http(fitted(FirstColumn()))
    array = np.array([[0, 0, 0], [1, 0, 0]] * 40, dtype=dtype)
    if array.dtype.kind == "f":
        array[1::2, 0] = 0.1
    found = first.predict_batch(array) + first.predict_batch(array[:2])
    assert [each.prediction for each in found] == [float(each) for each in array[:, 0]] + [
        0.0,
        float(array[1, 0]),
    ]


@pytest.mark.parametrize("shape", [(3,), (2, 3, 1)])
def test_array_of_other_dimensions_is_no_rows(remote, shape):
    with pytest.raises(ValueError, match="two dimensions"):
        remote.predict_batch(np.zeros(shape))


@pytest.mark.parametrize("count", [4, 130])
def test_wrong_rows_are_named(sums, count):
    wrong = [*MANY[:count]]
    wrong[2] = [1.0, "2", None]
    with pytest.raises(InvalidInput) as raised:
        sums.predict_batch(wrong)
    assert {(each["row"], each["name"]) for each in raised.value.errors} == {(2, "width"), (2, "depth")}


@pytest.mark.parametrize("count", [4, 130])
@pytest.mark.parametrize("cell", ["2", float("inf"), None])
def test_other_rows_are_answered_beside_wrong_ones(sums, count, cell):
    wrong = [*MANY[:count]]
    wrong[2] = [1.0, cell, 0.0]
    found = sums.predict_batch(wrong, errors="rows")
    assert [each.prediction for each in found if isinstance(each, Prediction)] == [
        row for row in range(count) if row != 2
    ]
    assert isinstance(found[2], InvalidInput)
    (fault,) = found[2].errors
    assert fault["row"] == 2


@pytest.mark.parametrize("count", [2, 130])
def test_rows_that_are_all_wrong_are_all_told(sums, count):
    found = sums.predict_batch([[row, "x", 0] for row in range(count)], errors="rows")
    assert [each.errors[0]["row"] for each in found] == list(range(count))
    assert {each.errors[0]["reason"] for each in found} == {"must be a number, not a string"}


def test_row_that_the_model_itself_rejects_is_one_error(serve_over_http):
    moody = serve_over_http(fitted(MoodyRegressor()))
    found = moody.predict_batch([[13, 0, 0], [1, 0, 0], [14, 0, 0]], errors="rows")
    assert [type(each) for each in found] == [InvalidInput, Prediction, InvalidInput]
    assert found[1].prediction == 1


def test_many_rows_are_sent_in_several_requests(sums, monkeypatch):
    monkeypatch.setattr(rows, "MOST_ROWS", 60)
    assert [each.prediction for each in sums.predict_batch(MANY)] == list(range(130))
    assert [each.prediction for each in sums.predict_batch(np.array(MANY))] == list(range(130))
    wrong = [*MANY[:100], [0, "x", 0], *MANY[101:]]
    with pytest.raises(InvalidInput) as raised:
        sums.predict_batch(wrong)
    assert raised.value.errors[0]["row"] == 100
    assert raised.value.status == 400
    found = sums.predict_batch(wrong, errors="rows")
    assert [row for row, each in enumerate(found) if isinstance(each, InvalidInput)] == [100]


def test_long_rows_are_sent_in_several_requests(sums, fake, remote, monkeypatch):
    monkeypatch.setattr(rows, "MOST_BYTES", 700)
    assert [each.prediction for each in sums.predict_batch(MANY)] == list(range(130))
    answers = {"results": [{"sample_id": 0, "prediction": 1}], "model_version": "v1"}
    fake.replies = [Reply(document=answers)] * 2
    assert len(remote.predict_batch([["x" * 700], ["x" * 700]])) == 2
    assert len(fake.requests) == 2


def test_error_that_is_no_rows_fault_is_raised(fake, remote):
    faults = [{"field": "errors", "reason": "must be rows or request"}]
    fake.replies = [error(400, "validation_error")]
    with pytest.raises(InvalidInput, match="No"):
        remote.predict_batch([[1]], errors="rows")
    fake.replies = [error(400, "validation_error", {"errors": faults})]
    with pytest.raises(InvalidInput, match="errors: must be rows or request"):
        remote.predict_batch([[1]], errors="rows")


def test_warnings_stand_with_their_rows(fake, remote):
    results = [{"sample_id": row, "prediction": row} for row in range(2)]
    warnings = [{"row": 1, "name": "a", "reason": "is far outside"}]
    fake.replies = [Reply(document={"results": results, "model_version": "v1", "warnings": warnings})]
    first, second = remote.predict_batch([[1], [2]])
    assert (first.warnings, second.warnings) == ([], [{"name": "a", "reason": "is far outside"}])
