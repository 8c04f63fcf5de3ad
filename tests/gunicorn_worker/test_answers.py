"""`PromptWorker` answers requests of all kinds, whole or in parts, on new and kept connections."""

import http.client
import json
import os
from contextlib import closing

import pytest

from tests.gunicorn_worker.serving import CHUNKED_LARGE, PATIENCE, POST, SOON

pytestmark = pytest.mark.server


def test_request_that_arrives_in_parts_is_answered(server):
    with server.connect() as connection:
        for part in (POST[:10], POST[10:], b"\r\n", b"go", b"od"):
            connection.sendall(part)
            assert server.ask(timeout=SOON) == (200, b"good")  # so the part has been inspected
        assert connection.recv(10_000).endswith(b"\r\n\r\ngood")


def test_long_request_is_answered(server):
    body = os.urandom(1_000_000)
    assert server.ask(body=body) == (200, body)


def test_chunked_request_is_answered(server):
    assert server.ask(body=iter([b"one", b"two"])) == (200, b"onetwo")


def test_answer_longer_than_the_buffers_arrives_whole(server):
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert server.ask(timeout=SOON) == (200, b"good")
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert response.read() == b"x" * 8_000_000
        connection.sendall(POST + b"\r\ngood")  # and the connection goes on
        assert connection.recv(10_000).endswith(b"good")


def test_answer_of_unknown_length_is_chunked(server):
    assert server.ask("GET", "/pieces", None) == (200, b"onetwo")


def test_head_has_no_body(server):
    assert server.ask("HEAD", "/large", None) == (200, b"")


def test_failing_application_is_500(server):
    assert server.ask(path="/fail")[0] == 500


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect(b"".join(POST + b"\r\n%04d" % number for number in range(50))) as connection:
        received = b""
        while received.count(b"\r\n\r\n") < 50 or not received.endswith(b"0049"):
            part = connection.recv(100_000)
            assert part
            received += part
    assert [int(answer[:4]) for answer in received.split(b"\r\n\r\n")[1:]] == list(range(50))


def test_connection_is_kept(server):
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        connection.connect()
        first = connection.sock
        for number in range(20):
            connection.request("POST", "/", str(number))
            assert connection.getresponse().read() == str(number).encode()
            assert connection.sock is first


def kept(server, requests, source="127.0.0.1"):
    """Status and body of calls (method, path, body, headers) on one connection that is kept."""
    with closing(
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE, source_address=(source, 0))
    ) as connection:
        for request in requests:
            connection.request(*request)
            response = connection.getresponse()
            yield response.status, response.read()


def test_repeated_head_gives_the_same_environment(server):
    request = ("POST", "/environ?a=b%20c", b"{}", {"X-Two": "é", "X-Forwarded-Proto": "https"})
    first, *others = (json.loads(body) for _, body in kept(server, [request] * 3))
    assert first["HTTP_X_TWO"] == "é"
    assert others == [first] * 2


def test_repeated_head_keeps_the_bodies_apart(server):
    bodies = [b"one", b"two", b"six", b"three"]
    assert [body for _, body in kept(server, [("POST", "/", body, {}) for body in bodies])] == bodies


def test_bodies_of_all_lengths_are_answered_on_a_kept_connection(server):
    lengths = (0, 1, 10_000, 16_384, 40_000, 100_000, 131_072, 200_000, 5)
    bodies = [os.urandom(length) for length in lengths] * 2
    assert [body for _, body in kept(server, [("POST", "/", body, {}) for body in bodies])] == bodies


def test_long_request_that_arrives_in_parts_is_answered_on_a_kept_connection(server):
    body = os.urandom(100_000)
    with server.connect(POST + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body[:30_000])
        for end in (60_000, 90_000, 100_000):
            assert server.ask(timeout=SOON) == (200, b"good")  # so the part has been inspected
            connection.sendall(body[end - (30_000 if end < 100_000 else 10_000) : end])
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < len(body):
            received += connection.recv(200_000)
    assert received.endswith(body)


def test_repeated_head_is_trusted_by_client_ip(server):
    request = ("GET", "/environ", None, {"X-Forwarded-Proto": "https"})
    schemes = [
        {json.loads(body)["wsgi.url_scheme"] for _, body in kept(server, [request] * 3, source)}
        for source in ("127.0.0.1", "127.0.0.2")
    ]
    assert schemes == [{"https"}, {"http"}]


def test_length_is_read_once_and_by_gunicorn(server):
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0000000000004\r\n\r\ngood"
    with server.connect(request) as connection:
        for _ in range(3):
            answer = connection.recv(10_000)
            assert answer.endswith(b"\r\n\r\ngood")
            assert answer.count(b"HTTP/1.1") == 1
            connection.sendall(request)


@pytest.mark.parametrize("line", [b"Content-Length: 4\r\nContent-Length: 4", b"Bad Name: x", b"no colon"])
def test_head_that_gunicorn_rejects_is_rejected_on_a_kept_connection(server, line):
    with server.connect(POST + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\ngood")
        assert connection.recv(10_000).startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_on_a_kept_connection_are_answered_in_order(server):
    with server.connect(POST + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")
        connection.sendall(b"".join(POST + b"\r\n%04d" % number for number in range(50)))
        received = b""
        while not received.endswith(b"0049"):
            received += connection.recv(100_000)
    assert [int(answer[:4]) for answer in received.split(b"\r\n\r\n")[1:]] == list(range(50))


def test_failure_on_a_kept_connection_is_500_and_closes_it(server):
    with server.connect(POST + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")
        connection.sendall(b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert received.startswith(b"HTTP/1.1 500 ")


def test_connection_is_closed_on_demand(server):
    with server.connect(POST + b"Connection: close\r\n\r\ngood") as connection:
        data = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert b"\r\nConnection: close\r\n" in data
    assert data.endswith(b"good")


def test_long_head_is_answered_in_the_main_loop(server):
    long = b"".join(b"X: %b\r\n" % (b"x" * 4000) for _ in range(7))
    with server.connect(POST + long + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")


def test_answer_that_is_read_slowly_arrives_whole_and_the_connection_goes_on(server):
    with server.connect(CHUNKED_LARGE + POST + b"\r\ngood") as connection:
        assert server.ask(timeout=SOON) == (200, b"good")
        received = b""
        while not received.endswith(b"\r\n\r\ngood"):
            received += connection.recv(100_000)
    assert received.count(b"x" * 8_000_000) == 1
