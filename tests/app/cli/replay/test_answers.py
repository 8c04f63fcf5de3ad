"""The answers of all protocols become one answer per row."""

import pytest

from app.cli.replay.answers import Answer, reason_of, reason_of_row, rows_of


def tensor(name, shape, data):
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        ([0, 1], [0, 1]),
        ({"predictions": [0.5, 1.5]}, [0.5, 1.5]),
        ({"predictions": ["large", "small"]}, ["large", "small"]),
        ({"predictions": [[0.1, 0.9]]}, [[0.1, 0.9]]),
        ({"predictions": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"predictions": 0.5}, [0.5]),
        ({"Results": [0, 1]}, [0, 1]),
        ({"outputs": [[0.1], [0.2]]}, [[0.1], [0.2]]),
        ({"outputs": [tensor("predict", [2, 1], [0, 1])]}, [[0], [1]]),
        ({"outputs": [tensor("output-0", [2], [0, 1])]}, [[0], [1]]),
        ({"outputs": [tensor("predict_proba", [2, 2], [0.1, 0.9, 0.7, 0.3])]}, [[0.1, 0.9], [0.7, 0.3]]),
        ({"outputs": [tensor("predict_proba", [1, 2], [[0.1, 0.9]])]}, [[0.1, 0.9]]),
        (
            {"outputs": [tensor("predict", [2], [0, 1]), tensor("predict_proba", [2, 1], [0.9, 0.8])]},
            [{"predict": [0], "predict_proba": [0.9]}, {"predict": [1], "predict_proba": [0.8]}],
        ),
        ({"result": {"prediction": 1}, "success": True}, [{"prediction": 1}]),
        ({"results": [{"prediction": 1}]}, [{"prediction": 1}]),
        ({"error": "no"}, None),
        ("text", None),
    ],
)
def test_rows_of_an_answer(document, rows):
    assert rows_of(document) == rows


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (
            {
                "error": "Validation failed",
                "details": {"errors": [{"name": "depth", "row": 7, "reason": "is null"}]},
            },
            "Validation failed: depth is null",
        ),
        ({"error": "No model is loaded", "details": {}}, "No model is loaded"),
        ({"error_code": "BAD_REQUEST", "message": "wrong"}, "wrong"),
        ("<html>", "status 502"),
        ({}, "status 502"),
    ],
)
def test_reason_of_a_refusal(document, reason):
    assert reason_of(Answer(502, document)) == reason


def test_row_of_a_batch_may_be_refused_alone():
    assert reason_of_row({"sample_id": 0, "error": "Validation failed", "details": {}}) == "Validation failed"
    assert reason_of_row({"prediction": 1, "error": 0.1}) is None
    assert reason_of_row(0.5) is None
