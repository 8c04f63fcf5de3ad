"""Slow clients neither delay others nor hold a thread."""

import socket
import time
from contextlib import ExitStack

import pytest

from tests.gunicorn_worker.serving import CHUNKED_LARGE, PATIENCE, POST, SOON, running, serving

pytestmark = pytest.mark.server

SLOW = {
    "silent": b"",
    "half a head": POST[:30],
    "half a body": POST + b"\r\nab",
    "chunked without an end": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
    "an empty line first": b"\r\n\r\nPOST",
    "does not close": POST + b"Connection: close\r\n\r\ngood",
    "does not read": b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
    "does not read and goes on": b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 2,
    "does not read, then errs": b"GET /large HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n",
    "asks to go on and does not": POST + b"Expect: 100-continue\r\n\r\n",
}


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW)
def test_good_client_is_answered_beside_twelve_slow_clients(server, data):
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect(data))
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")


def test_good_client_is_answered_beside_slow_clients_of_all_kinds(server):
    with ExitStack() as stack:
        for data in [*SLOW.values()] * 4:
            stack.enter_context(server.connect(data))
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")


def test_stalling_client_is_disconnected_without_a_traceback(tmp_path):
    with running(tmp_path) as server:
        with server.connect(SLOW["chunked without an end"]) as connection:
            assert connection.recv(100) == b""  # after the 5 s of STALL
        assert server.ask() == (200, b"good")
        server.process.terminate()
        _, log = server.process.communicate(timeout=PATIENCE)
    assert "Traceback" not in log


def longest_wait(server, attack):
    """Longest time in which a good client gets an answer during an attack."""
    waits = []
    with ExitStack() as stack:
        attack(stack)
        for _ in range(20):
            began = time.monotonic()
            assert server.ask(timeout=SOON) == (200, b"good")
            waits.append(time.monotonic() - began)
    return max(waits)


UNFINISHED = [
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 000000000000500\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0000000000000000000004\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length:\t7\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nX: y\r\nContent-Length: 9\r\n\r\n1234",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"GET / HTTP/1.1\r\n",
    b"\r\n",
    b"G",
]


@pytest.mark.parametrize("first", [b"", POST + b"\r\ngood"], ids=["first request", "second request"])
@pytest.mark.parametrize("data", UNFINISHED)
def test_unfinished_request_delays_no_other_client(server, data, first):
    def attack(stack):
        for _ in range(3):
            connection = stack.enter_context(server.connect(first))
            if first:
                assert b"200" in connection.recv(1000)
            connection.sendall(data)

    assert longest_wait(server, attack) < SOON


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET /\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n",
    ],
)
def test_head_that_can_never_end_is_400_at_once(server, data):
    with server.connect(data) as connection:
        connection.settimeout(SOON)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


REJECTING = """
def app(environ, start_response):
    start_response("401 No", [("Content-Length", "0")])
    return [b""]
"""


def test_head_that_is_too_long_and_never_ends_is_431_at_once(server):
    with server.connect(
        b"GET / HTTP/1.1\r\n" + b"".join(b"X: %b\r\n" % (b"x" * 4000) for _ in range(9))
    ) as connection:
        connection.settimeout(SOON)
        assert connection.recv(1000).startswith(b"HTTP/1.1 431")


def test_rest_of_an_unread_body_holds_no_thread(tmp_path):
    """The application rejects before it reads; clients send further chunks slowly."""
    with serving(REJECTING, tmp_path) as server:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        with ExitStack() as stack:
            dripping = [stack.enter_context(server.connect(head)) for _ in range(8)]
            for connection in dripping:
                connection.settimeout(SOON)
                assert b"401" in connection.recv(1000)
            began = time.monotonic()
            body = b"x" * 200_000  # too long for the loop: it needs a thread
            assert server.ask(body=body, timeout=SOON)[0] == 401
            assert time.monotonic() - began < SOON


def test_operator_does_not_wait_for_rejected_bodies(tmp_path):
    head = b"POST /api/models/v1/activate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    with serving(REJECTING, tmp_path) as server, ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.connect(head))
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 401


def test_clients_that_do_not_read_hold_no_thread(server):
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
            stack.enter_context(server.connect(CHUNKED_LARGE))
        body = b"x" * 200_000  # too long for the loop: it needs a thread
        assert server.ask(body=body, timeout=SOON) == (200, body)


PIPELINED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/he"


def begin_behind_another_request(connection):
    """The beginning of a request, read together with the one before it."""
    connection.sendall(PIPELINED)
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def send_urgently(connection):
    connection.sendall(b"GET /api/he")
    connection.send(b"a", socket.MSG_OOB)
    connection.sendall(b"bcd")


@pytest.mark.parametrize("begin", [begin_behind_another_request, send_urgently])
def test_beginning_of_a_request_holds_no_thread(server, begin):
    body = b"x" * 200_000  # too long for the loop: it needs a thread
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect()) for _ in range(8)]
        for connection in held:
            begin(connection)
        for _ in range(3):
            for connection in held:
                connection.sendall(b"a")
            assert server.ask(body=body, timeout=SOON) == (200, body)


def test_request_whose_beginning_was_read_with_the_one_before_is_answered(server):
    with server.connect() as connection:
        begin_behind_another_request(connection)
        for part in (b"llo HTTP/1.1\r\nHo", b"st: x\r\n", b"\r\n"):
            assert server.ask(timeout=SOON) == (200, b"good")  # so the part has been inspected
            connection.sendall(part)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
