"""Answers of every form, and connections that end when they should not."""

import pytest

from model_service_client import Client, ConnectionFailed
from model_service_client.connection import Head
from tests.client.fake_service import SILENCE, Reply, error

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
    assert pauses == []


def test_that_is_no_failed_attempt(fake, connect):
    remote = connect(fake.url, retries=0)
    remote.predict([1])
    fake.replies = [SILENCE]
    assert remote.predict([2]).prediction == 2


def test_new_connection_that_the_server_closes_is_a_failed_attempt(fake, connect):
    fake.replies = [SILENCE]
    with pytest.raises(ConnectionFailed, match="gave no answer"):
        connect(fake.url, retries=0).predict([1])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_answer_that_breaks_off_is_asked_for_again(fake, transport, raw):
    fake.replies = [Reply(raw=raw, closes=True)]
    assert transport.call("POST", "/path", b'{"features": [1]}').status == 200
    assert len(fake.requests) == 2


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\x00", "\u20ac"])
def test_header_cannot_be_smuggled(value):
    with pytest.raises(ValueError, match="X-API-Key: holds characters that no header can have"):
        Client("http://127.0.0.1:1", api_key=value)
    with pytest.raises(ValueError, match="X-API-Key"):
        Head({"X-API-Key": value})


def test_request_is_one_piece_of_http(fake, connect):
    connect(f"{fake.url}/mounted/", api_key="k\u00e4y").predict({"a": 1})
    (request,) = fake.requests
    assert (request.method, request.path, request.body) == (
        "POST",
        "/mounted/api/predict",
        b'{"features":{"a":1}}',
    )
    assert request.headers["Host"] == f"127.0.0.1:{fake.port}"
    assert request.headers["X-API-Key"] == "k\u00e4y"
    assert request.headers["Content-Length"] == "20"
    assert request.headers["User-Agent"].startswith("model-service-client")


def test_early_refusal_of_a_long_body_is_read(fake, remote):
    fake.replies = [error(413, "payload_too_large")]
    with pytest.raises(Exception, match="No"):
        remote.predict(["x" * 1_000_000])
