"""RATE_LIMIT_ROWS: rows, of one key or client network, in one process and in Redis."""

import pytest

from app.middleware.rate_limit.row_limit import MemoryRows
from app.settings.rate_limits import Window
from tests.assertions import assert_error
from tests.estimators import SumClassifier, fitted


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_rows_count_within_the_window_and_the_wait_is_until_enough_of_them_leave_it():
    clock = Clock()
    rows, window = MemoryRows(clock=clock), Window(10, 60)
    assert rows.wait(window, "a", 4) == 0
    clock.now += 20
    assert rows.wait(window, "a", 5) == 0
    assert rows.wait(window, "a", 1) == 0
    assert rows.wait(window, "a", 3) == 40
    assert rows.wait(window, "a", 6) == 60
    assert rows.wait(window, "b", 10) == 0
    clock.now += 40
    assert rows.wait(window, "a", 4) == 0


def test_more_rows_than_a_window_ever_holds_wait_for_a_whole_one():
    rows = MemoryRows(clock=Clock())
    assert rows.wait(Window(10, 60), "a", 11) == 60
    assert rows.wait(Window(10, 60), "a", 10) == 0


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
