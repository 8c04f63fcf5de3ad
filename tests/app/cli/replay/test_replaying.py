"""Logs of other servers, sent to their protocols here, and what became of each row."""

import json

import pytest

from app.cli.replay.outcome import Outcome
from app.cli.replay.reading.log_source import open_log
from app.cli.replay.replaying import Replay
from app.cli.replay.targets import InProcess
from tests.app.cli.replay.dialects import application

EVENT = "org.kubeflow.serving.inference."
SPLIT = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3.25, 4]]}}
TENSOR = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3.25, 4]}


@pytest.fixture
def replay(tmp_path):
    """Replay lines to the stub, and return the outcome."""

    def replay(*lines, model="default", worst=10, tolerance=None):
        path = tmp_path / "log.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        outcome = Outcome(worst=worst, tolerance=tolerance)
        replay = Replay(InProcess(application), outcome, model=model, renamed=model != "default")
        with open_log(str(path)) as log:
            assert replay.run(log, lambda *_: None) == len(lines)
        return outcome

    return replay


def table(request, *predictions, status=200):
    answered = {"predictions": list(predictions)}
    return {"status_code": status, "request": json.dumps(request), "response": json.dumps(answered)}


@pytest.mark.parametrize(
    "request_",
    [
        SPLIT,
        {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3.25, "b": 4}]},
        {"inputs": [[1, 2], [3.25, 4]]},
        {"instances": [[1, 2], [3.25, 4]]},
    ],
)
def test_inference_tables_of_all_bodies_are_compared(replay, request_):
    outcome = replay(table(request_, 3.0, 7.25))
    assert +outcome.rows == {"equal": 2}
    assert outcome.same
    assert not replay(table(request_, 3.0, 7.75), tolerance=1e-9).same


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"instances": [[1, 2], [3.25, 4]]}, {"predictions": [3.0, 7.25]}),
        ({"inputs": [TENSOR]}, {"outputs": [{"name": "output-0", "shape": [2], "data": [3.0, 7.25]}]}),
    ],
    ids=["v1", "v2"],
)
def test_events_of_kserve_are_compared_by_the_protocol_of_their_body(replay, asked, answered):
    lines = [
        {"id": "7", "type": f"{EVENT}{kind}", "data": data}
        for kind, data in (("request", asked), ("response", answered))
    ]
    assert +replay(*lines, model="boxes").rows == {"equal": 2}


def test_rows_are_counted_by_what_became_of_them(replay):
    empty = {"dataframe_split": {"data": [[1, None]]}}
    outcome = replay(
        table(SPLIT, 3.0, 7.2500001),
        table(SPLIT, 4.0, 7.5),
        table(SPLIT, 3.0),
        table(empty, 3.0),
        table(empty, status=400),
        table({"dataframe_split": {"data": [[1, 2]]}}, status=500),
        {"path": "/elsewhere", "request": SPLIT, "response": [1, 2]},
    )
    assert +outcome.rows == {
        "equal": 1,
        "within_1e-6": 1,
        "other_label": 1,
        "more": 1,
        "other_form": 1,
        "refused_here": 3,
        "refused_by_both": 1,
        "refused_there": 1,
    }
    assert outcome.reasons == {"depth must be a number": 1, "There is nothing at this address": 2}
    assert outcome.requests == 7
    assert outcome.largest == pytest.approx(0.25 / 7.5)
    assert not outcome.same


def test_worst_rows_come_first_with_line_row_and_both_answers(replay):
    lines = [table(SPLIT, 3.0, 7.5), table(SPLIT, 3.0, 7.25), table(SPLIT, 3.0, 8.5), table(SPLIT, 4.0, 7.25)]
    worst = replay(*lines, worst=2).worst
    assert [(each.line, each.row, each.outcome, each.old, each.new) for each in worst] == [
        (4, 0, "other_label", 4.0, 3.0),
        (3, 1, "more", 8.5, 7.25),
    ]
    assert replay(*lines, worst=0).worst == []


def test_answers_in_single_precision_are_told_apart(replay):
    third = {"instances": [[1 / 3, 0]]}
    outcome = replay(table(third, 0.3333333432674408))
    assert +outcome.rows == {"float32_rounding": 1}
    assert outcome.document()["old_answers_are_float32"]
    assert replay(table(third, 0.3333333432674408), tolerance=1e-12).same


def test_row_refused_within_a_batch_is_one_of_its_rows(replay):
    line = table(SPLIT, {"error": "Validation failed", "details": {}}, 7.25)
    assert +replay(line).rows == {"refused_there": 1, "equal": 1}


def test_lines_left_out_are_counted_and_named(replay):
    outcome = replay(
        "nonsense",
        {"a": 1},
        {"a": 2},
        table({"text": "a"}, 1),
        {"id": "7", "type": f"{EVENT}request", "data": SPLIT},
    )
    assert outcome.requests == 0
    assert outcome.document()["left_out"] == {
        "not a JSON object": {"lines": 1, "first": [1]},
        "of no known form": {"lines": 2, "first": [2, 3]},
        "without a path, and no route is known for the request": {"lines": 1, "first": [4]},
        "an event without an answer": {"lines": 1, "first": [5]},
    }


def test_answer_of_no_known_form_is_left_out(replay):
    (reason,) = replay({"request": SPLIT, "response": {"answer": 1}}).left_out
    assert reason == "the answer holds no rows in a known form"


def test_outcome_is_json_even_with_numbers_that_json_does_not_have(replay):
    document = replay(table(SPLIT, float("nan"), float("inf"))).document()
    assert json.loads(json.dumps(document, allow_nan=False))["worst"][0]["old"] is None
