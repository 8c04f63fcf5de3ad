"""Answers of every form, connections that end when they should not, and attempts within a deadline."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from model_service_client import Client, ConnectionFailed, Overloaded, RateLimited, Timeout
from model_service_client.transport import Transport
from tests.client.fake_service import SILENCE, Reply, error
from tests.services import wait_until

BUSY = error(503, "overloaded", Retry_After="2")

DOCUMENT = b'{"result": {"prediction": 7}, "model_version": "v1", "request_id": "r"}'
LENGTH = b"Content-Length: %d\r\n" % len(DOCUMENT)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(DOCUMENT), DOCUMENT)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + DOCUMENT,
        b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + DOCUMENT,
        b"HTTP/1.1 200 OK\r\ncontent-LENGTH:%d\r\n\r\n" % len(DOCUMENT) + DOCUMENT,
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\n" + LENGTH + b"\r\n" + DOCUMENT,
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\n" + LENGTH + b"\r\n" + DOCUMENT,
        b"HTTP/1.1 200 OK\r\n" + CHUNKED,
        b"HTTP/1.1 200 OK\r\n" + LENGTH + CHUNKED,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + DOCUMENT,
    ],
)
def test_answer_of_any_form_is_read_whole_and_the_connection_kept(fake, remote, raw):
    fake.replies = [Reply(raw=raw)]
    assert remote.predict([1]).prediction == 7
    assert remote.predict([2]).prediction == 2
    assert len({request.client for request in fake.requests}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT,
        b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + DOCUMENT,
        b"HTTP/1.1 200 OK\r\nConnection: Close\r\n" + LENGTH + b"\r\n" + DOCUMENT,
    ],
)
def test_connection_that_the_answer_ends_is_not_used_again(fake, remote, raw):
    fake.replies = [Reply(raw=raw, closes=True)]
    assert remote.predict([1]).prediction == 7
    assert remote.predict([2]).prediction == 2
    assert len({request.client for request in fake.requests}) == 2


def test_long_answer_is_read_whole(fake, remote):
    text = "x" * 3_000_000
    fake.replies = [Reply(document={"result": {"prediction": text}})]
    assert remote.predict([1]).prediction == text


def test_kept_connection_that_the_server_closed_is_opened_again_at_once(fake, transport, pauses):
    fake.replies = [Reply(document=1), SILENCE]
    transport.call("POST", "/first")
    transport.call("POST", "/second")
    assert [request.path for request in fake.requests] == ["/first", "/second", "/second"]
    assert fake.requests[0].client == fake.requests[1].client != fake.requests[2].client
    assert pauses == [0]


def test_connection_that_the_server_closes_without_an_answer_is_a_failed_attempt(fake, connect):
    fake.replies = [SILENCE]
    with pytest.raises(ConnectionFailed, match="gave no answer"):
        connect(fake.url, retries=0).predict([1])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_answer_that_breaks_off_is_asked_for_again(fake, transport, raw):
    fake.replies = [Reply(raw=raw, closes=True)]
    assert transport.call("POST", "/path", b'{"features": [1]}').data
    assert len(fake.requests) == 2


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\n", "a\x00", "\u20ac"])
def test_header_cannot_be_smuggled(value):
    with pytest.raises(ValueError, match="X-API-Key: holds characters that no header can have"):
        Client("http://127.0.0.1:1", api_key=value)


def test_request_is_one_piece_of_http(fake, connect):
    connect(f"{fake.url}/mounted/", api_key="key").predict({"a": 1})
    (request,) = fake.requests
    assert (request.method, request.path, request.body) == (
        "POST",
        "/mounted/api/predict",
        b'{"features":{"a":1}}',
    )
    assert request.headers["Host"] == f"127.0.0.1:{fake.port}"
    assert request.headers["X-API-Key"] == "key"
    assert request.headers["Content-Length"] == "20"
    assert request.headers["User-Agent"].startswith("model-service-client")


def test_early_refusal_of_a_long_body_is_read(fake, remote):
    fake.replies = [error(413, "payload_too_large")]
    with pytest.raises(Exception, match="No"):
        remote.predict(["x" * 1_000_000])


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
    assert transport.call("POST", "/path").data
    assert len(fake.requests) == 3
    assert pauses == [2, 2]


def test_retry_after_may_be_a_date(fake, transport, pauses):
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    fake.replies = [error(503, "overloaded", Retry_After=at)]
    transport.call("POST", "/path")
    (pause,) = pauses
    assert 0 < pause <= 20


@pytest.mark.parametrize("value", ["soon", "", "0", "99999999999999999999999-01-01"])
def test_retry_after_that_says_nothing_is_left_out(fake, transport, pauses, value):
    fake.replies = [error(503, "overloaded", Retry_After=value)] * 2
    transport.call("POST", "/path")
    first, second = pauses
    assert (first, 0.2 <= second <= 0.3) == (0, True)


def test_without_retry_after_the_pauses_grow_up_to_two_seconds(fake, transport, pauses):
    fake.replies = [error(503, "model_error")] * 8
    transport.call("POST", "/path")
    assert len(fake.requests) == 9
    least = [0, 0.2, 0.4, 0.8, 1.6, 2, 2, 2]
    assert all(low <= pause <= low + 0.1 for pause, low in zip(pauses, least, strict=True))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 500])
def test_what_stays_as_it_is_is_asked_once(fake, transport, status):
    fake.replies = [error(status, "validation_error", Retry_After="1")]
    with pytest.raises(Exception, match="No"):
        transport.call("POST", "/path")
    assert len(fake.requests) == 1


def test_attempts_end_with_the_last_answer(fake, transport):
    fake.replies = [BUSY] * 3
    with pytest.raises(Overloaded):
        transport.call("POST", "/path", retries=2)
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
    assert transport.call("POST", "/path", b'{"features": [1]}').data
    assert len(fake.requests) == 4
    assert len(pauses) == 3


def test_address_that_nobody_answers_at_is_a_failed_connection(pauses):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        transport = Transport(url, headers={}, timeout=30, retries=3, clock=pauses.clock, pause=pauses.append)
        with pytest.raises(ConnectionFailed, match="Connection refused") as raised:
            transport.call("GET", "/path")
    assert len(pauses) == 3
    assert raised.value.status is None


def test_answer_that_does_not_come_is_a_timeout(fake, connect):
    fake.replies = [Reply(held=True)]
    with pytest.raises(Timeout, match="Read timed out"):
        connect(fake.url, timeout=0.05).predict([1])
    wait_until(lambda: fake.requests)  # a busy machine's fake service reads it later
    assert len(fake.requests) == 1


def test_answer_that_trickles_in_is_a_timeout_too(fake, connect):
    fake.replies = [Reply(document="x" * 100_000, drips=True)]
    with pytest.raises(Timeout, match="Read timed out"):
        connect(fake.url, timeout=0.2).predict([1])
