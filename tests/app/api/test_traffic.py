import json

import pytest

from app.middleware.metrics.snapshot_ring import SnapshotRing
from app.middleware.metrics.traffic_history import EXTENSION, INTERVAL, TrafficHistory
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error
from tests.estimators import ROW

NOW = 1_000_000.0


@pytest.fixture
def times():
    """What the clock of the history says next."""
    return [NOW]


@pytest.fixture
def watched(client, times):
    """A client of an app with an interval of one prediction behind it, and an empty one."""
    counted = client.application.extensions["metrics"]
    history = TrafficHistory(counted, SnapshotRing(), clock=lambda: times[-1])
    client.application.extensions[EXTENSION] = history
    history.record()
    client.post("/api/predict", json=ROW)
    for number in (1, 2):
        times.append(NOW + number * INTERVAL)
        history.record()
    return client


def blocks(answer):
    return [block.split("\n") for block in answer.text.removesuffix("\n\n").split("\n\n")]


def test_stream_says_when_to_come_again_and_ends_after_the_events(watched):
    answer = watched.get("/api/traffic", headers={"Accept": "text/event-stream"})
    assert answer.mimetype == "text/event-stream"
    (retry,), *events = blocks(answer)
    assert retry == "retry: 5300"
    assert [event[0] for event in events] == ["id: 200001", "id: 200002"]
    assert [json.loads(event[1].removeprefix("data: "))["requests"] for event in events] == [1, 0]


def test_stream_goes_on_after_the_last_event(watched):
    answer = watched.get("/api/traffic", headers={"Last-Event-ID": "200001"})
    assert [event[0] for event in blocks(answer)[1:]] == ["id: 200002"]
    assert len(blocks(watched.get("/api/traffic", headers={"Last-Event-ID": "200002"}))) == 1


@pytest.mark.parametrize("name", ["x", "", "-1", "1e9", "9" * 5000])
def test_id_that_is_none_of_ours_is_no_error(watched, name):
    assert watched.get("/api/traffic", headers={"Last-Event-ID": name}).status_code == 200


def test_json_has_the_same_events(watched):
    document = watched.get("/api/traffic", headers={"Accept": "application/json"}).get_json()
    assert document["retry"] == 5300
    assert [event["id"] for event in document["events"]] == [200001, 200002]
    assert document["events"][0]["requests_per_second"] == 0.2


def test_other_media_types_are_refused_with_those_there_are(watched):
    answer = watched.get("/api/traffic", headers={"Accept": "image/png"})
    assert_error(answer, 406, "not_acceptable")
    assert answer.get_json()["error"] == "The answer can be text/event-stream, application/json"


def test_traffic_needs_the_scope_of_metrics(build_app):
    client = build_app(API_KEY_1=KEY).test_client()
    assert_error(client.get("/api/traffic"), 401, "authentication_error")
    assert_error(client.get("/api/traffic", headers=with_key(KEY)), 403, "permission_error")
    assert (
        build_app(API_KEY_1=KEY, API_KEY_SCOPES="metrics")
        .test_client()
        .get("/api/traffic", headers=with_key(KEY))
        .status_code
        == 200
    )
