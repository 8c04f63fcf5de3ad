"""RATE_LIMIT_ROWS: rows, of one key or client network, in one process and in Redis."""

import pytest

from app.middleware.rate_limit.row_limit import MemoryRows
from app.settings.rate_limits import parse_limit
from config import ConfigError
from tests.assertions import assert_error
from tests.conftest import configuration
from tests.estimators import SumClassifier, fitted


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


LIMIT = parse_limit("10/minute")


def test_rows_count_within_the_window_and_the_wait_is_until_enough_of_them_leave_it():
    clock = Clock()
    rows = MemoryRows(clock=clock)
    assert rows.waits(LIMIT, "a", 4) == [0]
    clock.now += 20
    assert rows.waits(LIMIT, "a", 5) == [0]
    assert rows.waits(LIMIT, "a", 1) == [0]
    assert rows.waits(LIMIT, "a", 3) == [40]
    assert rows.waits(LIMIT, "a", 6) == [60]
    assert rows.waits(LIMIT, "b", 10) == [0]
    clock.now += 40
    assert rows.waits(LIMIT, "a", 4) == [0]


def test_more_rows_than_a_window_ever_holds_wait_for_a_whole_one():
    rows = MemoryRows(clock=Clock())
    assert rows.waits(LIMIT, "a", 11) == [60]
    assert rows.waits(LIMIT, "a", 10) == [0]


def test_rejected_rows_count_in_no_window():
    clock = Clock()
    rows, limit = MemoryRows(clock=clock), parse_limit("10/minute;20/hour")
    assert rows.waits(limit, "a", 10) == [0, 0]
    clock.now += 60
    assert rows.waits(limit, "a", 9) == [0, 0]
    assert rows.waits(limit, "a", 2) == [60, 3540]  # which would leave no room for the next
    assert rows.waits(limit, "a", 1) == [0, 0]


def test_a_log_stays_short_however_often_a_key_asks():
    clock = Clock()
    rows, limit = MemoryRows(clock=clock), parse_limit("1000000/hour")
    for _ in range(20_000):
        clock.now += 0.1
        assert rows.waits(limit, "a", 1) == [0]
    (log,) = rows._logs[limit.name + "a"]
    assert len(log._parts) <= 257
    assert rows.waits(limit, "a", 1_000_000 - 20_000) == [0]
    assert rows.waits(limit, "a", 1)[0] > 0


def batch(client, rows, path="/api/predict/batch"):
    return client.post(path, json={"samples": [[1, 2, 3]] * rows})


def test_requests_are_rejected_by_their_rows(serve):
    client = serve(fitted(SumClassifier()), RATE_LIMIT_ROWS="10/hour", WORKERS=1)
    assert batch(client, 7).status_code == 200
    assert batch(client, 3).status_code == 200
    response = batch(client, 1)
    assert_error(response, 429, "rate_limit_exceeded")
    assert 3590 < int(response.headers["Retry-After"]) <= 3600
    assert response.get_json()["details"]["limit"] == 10
    single = client.post("/api/predict", json={"features": [1, 2, 3]})
    assert_error(single, 429, "rate_limit_exceeded")


@pytest.mark.server
def test_rows_are_counted_together_where_there_is_a_redis(serve, redis_server):
    clients = [
        serve(fitted(SumClassifier()), RATE_LIMIT_ROWS="10/hour", REDIS_URL=redis_server.url, WORKERS=4)
        for _ in range(2)
    ]
    assert batch(clients[0], 6).status_code == 200
    assert batch(clients[1], 5).status_code == 429
    assert batch(clients[1], 4).status_code == 200
    assert batch(clients[0], 1).status_code == 429


@pytest.mark.server
def test_rows_that_redis_rejects_count_in_no_window(serve, redis_server):
    client = serve(
        fitted(SumClassifier()), RATE_LIMIT_ROWS="10/hour;12/day", REDIS_URL=redis_server.url, WORKERS=1
    )
    assert batch(client, 8).status_code == 200
    assert batch(client, 3).status_code == 429
    assert batch(client, 2).status_code == 200


def test_a_limit_that_workers_cannot_share_stops_the_start_and_a_shared_one_is_noted(tmp_path):
    with pytest.raises(
        ConfigError, match="RATE_LIMIT_ROWS='3/minute': must admit a request to each of WORKERS=4"
    ):
        configuration(tmp_path, RATE_LIMIT_ROWS="3/minute", WORKERS=4)
    (notice,) = [
        each
        for each in configuration(tmp_path, RATE_LIMIT_ROWS="8/minute", WORKERS=4).notices()
        if "RATE_LIMIT_ROWS" in each
    ]
    assert "admits 1/4 of RATE_LIMIT_ROWS (8/minute)" in notice


@pytest.mark.server
def test_rows_count_in_the_process_while_redis_is_gone(serve, redis_server):
    client = serve(fitted(SumClassifier()), RATE_LIMIT_ROWS="10/hour", REDIS_URL=redis_server.url, WORKERS=2)
    redis_server.freeze()
    assert batch(client, 4).status_code == 200
    assert batch(client, 2).status_code == 429  # a half is this worker's
    assert batch(client, 1).status_code == 200
