"""Each form of a log becomes the same exchanges, and what is none says why."""

import base64
import json

import pytest

from app.cli.replay.reading.exchange import Exchange, NotReplayable
from app.cli.replay.reading.log_forms import LogReader

ASKED = {"instances": [[1, 2, 3]]}
ANSWERED = {"predictions": [0]}
EVENT = "org.kubeflow.serving.inference."


def read(*lines):
    reader = LogReader()
    return [each for number, line in enumerate(lines, 1) for each in reader.read(number, json.dumps(line))]


def event(kind, data, **members):
    return {"specversion": "1.0", "id": "7", "type": EVENT + kind, "data": data, **members}


def service_line(**members):
    line = {
        "event": "request",
        "level": "info",
        "timestamp": "2026-11-27T00:00:00Z",
        "status": 200,
        "rows": 1,
    }
    return {**line, "route": "/api/predict", "inputs": [[[1, 2, 3]]], **members}


@pytest.mark.parametrize("encode", [json.dumps, lambda value: value], ids=["text", "objects"])
@pytest.mark.parametrize("status", ["status_code", "response_status_code"])
def test_inference_table(encode, status):
    line = {"databricks_request_id": "a", "timestamp_ms": 1, status: 200}
    line |= {"request": encode(ASKED), "response": encode(ANSWERED)}
    assert read(line) == [Exchange(1, ASKED, ANSWERED)]


def test_refusal_in_an_inference_table_needs_no_answer_in_json():
    (exchange,) = read({"request": json.dumps(ASKED), "response": "Bad request", "status_code": 400})
    assert not exchange.answered


def test_plain_form_has_a_path():
    line = {"path": "/score", "request": ASKED, "response": ANSWERED}
    assert read(line) == [Exchange(1, ASKED, ANSWERED, path="/score")]


def test_events_of_one_id_are_one_exchange_in_either_order():
    asked, answered = event("request", ASKED), event("response", json.dumps(ANSWERED))
    assert read(asked, answered) == [Exchange(1, ASKED, ANSWERED, v1=True)]
    assert read(answered, asked) == [Exchange(2, ASKED, ANSWERED, v1=True)]


@pytest.mark.parametrize("name", ["Ce-Id", "ce-id", "ce_id"])
def test_events_of_dumped_http_messages(name):
    def dumped(kind, body):
        return {"headers": {name: ["7"], name[:3] + "type": [EVENT + kind]}, "body": body}

    assert read(dumped("request", ASKED), dumped("response", ANSWERED)) == [
        Exchange(1, ASKED, ANSWERED, v1=True)
    ]


def test_data_of_an_event_may_be_in_base64():
    asked = event("request", None, data_base64=base64.b64encode(json.dumps(ASKED).encode()).decode())
    assert read(asked, event("response", ANSWERED)) == [Exchange(1, ASKED, ANSWERED, v1=True)]


def test_events_without_their_other_half_are_named():
    reader = LogReader()
    assert list(reader.read(1, json.dumps(event("request", ASKED)))) == []
    assert list(reader.read(2, json.dumps(event("response", ANSWERED, id="8")))) == []
    assert list(reader.unpaired()) == [
        (1, "an event without an answer"),
        (2, "an event without its request"),
    ]


def test_own_log_with_rows_and_results():
    results = [{"prediction": 0, "confidence": 0.75}]
    assert read(service_line(predictions=[results])) == [
        Exchange(1, {"features": [1, 2, 3]}, {"result": results[0]}, path="/api/predict")
    ]


def test_own_log_of_many_rows_is_sent_in_parts_that_a_batch_holds():
    rows, results = [[1, 2, 3]] * 150, [{"prediction": 0}] * 150
    line = service_line(
        inputs=[rows[:70], rows[70:]], predictions=[results[:70], results[70:]], model="boxes"
    )
    first, second = read(line)
    assert (len(first.request["samples"]), len(second.request["samples"])) == (100, 50)
    assert (len(second.response["results"]), second.first_row) == (50, 100)
    assert first.path == "/api/models/boxes/predict/batch"


def test_numbers_that_json_does_not_have_and_long_integers_are_kept():
    text = b'{"request": {"instances": [[NaN, 12345678901234567890]]}, "response": {"predictions": [0]}}'
    ((row,),) = (each.request["instances"] for each in LogReader().read(1, text))
    assert str(row) == "[nan, 12345678901234567890]"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "not a JSON object"),
        ({"a": 1}, "of no known form"),
        ({"type": "request"}, "of no known form"),
        ({"request": ASKED}, "without an answer"),
        ({"request": "1,2,3", "response": "[0]"}, "the request is not JSON"),
        ({"request": "{}", "response": "<html>"}, "the answer is not JSON"),
        (event("request", ASKED, id=None), "an event without an id"),
        (event("request", "1,2,3"), "an event whose data is not JSON"),
        (event("request", None), "an event without data"),
        (service_line(event="model loaded"), "a line of this service without a prediction"),
        (service_line(inputs=None), "a line of this service without rows, which LOG_INPUTS=true adds"),
        (service_line(), "a line of this service without results"),
    ],
)
def test_what_cannot_be_sent_says_why(line, reason):
    with pytest.raises(NotReplayable) as raised:
        read(line)
    assert str(raised.value) == reason


def test_text_that_is_no_json_is_named():
    with pytest.raises(NotReplayable, match="not JSON"):
        list(LogReader().read(1, b"\xff{"))


def test_event_that_comes_twice_is_named():
    with pytest.raises(NotReplayable, match="came twice"):
        read(event("request", ASKED), event("request", ASKED))
