import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from model_service_client import (
    ConnectionFailed,
    Overloaded,
    RateLimited,
    Timeout,
)
from model_service_client.retries import Deadline
from model_service_client.transport import Transport
from tests.client.fake_service import SILENCE, Reply, error

BUSY = error(503, "overloaded", Retry_After="2")


@pytest.mark.parametrize(
    "reply",
    [
        error(429, "rate_limit_exceeded", Retry_After="2"),
        BUSY,
        *(error(status, "model_error", Retry_After="2") for status in (502, 503, 504)),
    ],
    ids=lambda reply: str(reply.status),
)
def test_what_another_time_will_do_waits_as_long_as_the_service_says(fake, transport, pauses, reply):
    fake.replies = [reply, reply]
    assert transport.call("POST", "/path").status == 200
    assert len(fake.requests) == 3
    assert pauses == [2, 2]


def test_retry_after_may_be_a_date(fake, transport, pauses):
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    fake.replies = [error(503, "overloaded", Retry_After=at)]
    transport.call("POST", "/path")
    (pause,) = pauses
    assert 0 < pause <= 20


@pytest.mark.parametrize("value", ["soon", "", "99999999999999999999999-01-01"])
def test_retry_after_that_says_nothing_is_left_out(fake, transport, pauses, value):
    fake.replies = [error(503, "overloaded", Retry_After=value)] * 2
    transport.call("POST", "/path")
    (pause,) = pauses
    assert 0.2 <= pause <= 0.3


def test_without_retry_after_the_pauses_grow_up_to_two_seconds(fake, transport, pauses):
    fake.replies = [error(503, "model_error")] * 8
    transport.call("POST", "/path")
    assert len(fake.requests) == 9
    least = [0.2, 0.4, 0.8, 1.6, 2, 2, 2]
    assert all(low <= pause <= low + 0.1 for pause, low in zip(pauses, least, strict=True))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 500])
def test_what_stays_as_it_is_is_asked_once(fake, transport, status):
    fake.replies = [error(status, "validation_error", Retry_After="1")]
    with pytest.raises(Exception, match="No"):
        transport.call("POST", "/path")
    assert len(fake.requests) == 1


def test_attempts_end_with_the_last_answer(fake, connect):
    fake.replies = [error(503, "overloaded", Retry_After="0")] * 3
    with pytest.raises(Overloaded):
        connect(fake.url, retries=2).predict([1])
    assert len(fake.requests) == 3


def test_pause_beyond_the_deadline_is_not_waited_for(fake, connect, pauses):
    fake.replies = [error(429, "rate_limit_exceeded", Retry_After="31")]
    with pytest.raises(RateLimited) as raised:
        connect(fake.url, timeout=30.0).predict([1])
    assert raised.value.retry_after == 31
    assert pauses == []
    assert len(fake.requests) == 1


def test_all_attempts_together_end_with_the_deadline(fake, transport, pauses):
    fake.replies = [error(503, "overloaded", Retry_After="12")] * 5
    with pytest.raises(Overloaded):
        transport.call("POST", "/path")
    assert pauses == [12, 12]


def test_broken_connections_are_tried_again_with_growing_pauses(fake, transport, pauses):
    fake.replies = [SILENCE] * 3
    assert transport.call("POST", "/path", b'{"features": [1]}').status == 200
    assert len(fake.requests) == 4
    assert len(pauses) == 2


def test_address_that_nobody_answers_at_is_a_failed_connection(pauses):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        transport = Transport(url, headers={}, timeout=30, retries=3, clock=pauses.clock, pause=pauses.append)
        with pytest.raises(ConnectionFailed, match="Connection refused") as raised:
            transport.call("GET", "/path")
    assert len(pauses) == 2
    assert raised.value.status is None


def test_answer_that_does_not_come_is_a_timeout(fake, connect):
    fake.replies = [Reply(held=True)]
    with pytest.raises(Timeout, match="Read timed out"):
        connect(fake.url, timeout=0.05).predict([1])
    assert len(fake.requests) == 1


def test_answer_that_trickles_in_is_a_timeout_too(fake, connect):
    fake.replies = [Reply(document="x" * 100_000, drips=True)]
    with pytest.raises(Timeout, match="Read timed out"):
        connect(fake.url, timeout=0.2).predict([1])


def test_each_attempt_has_the_time_that_is_left(pauses):
    deadline = Deadline(30.0, pauses.clock)
    assert (deadline.clone().connect_timeout, deadline.clone().read_timeout) == (5, 30)
    pauses.append(28)
    assert (deadline.clone().connect_timeout, deadline.clone().read_timeout) == (2, 2)
    pauses.append(28)
    assert 0 < deadline.clone().read_timeout < 0.01
