"""Deadlines of requests and answers, set to a second: they are kept however the bytes are spread."""

import ssl
import time

import psutil
import pytest

from gunicorn_worker.worker import PromptWorker
from tests import settings
from tests.gunicorn_worker.serving import CARRIERS, PATIENCE, POST, carried, running
from tests.services import wait_until

pytestmark = pytest.mark.server

HASTY = """
    worker.head_seconds = worker.body_seconds = worker.send_seconds = 1.0
"""
PAUSE = 0.1  # s between two bytes
CHUNKS = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"
# What a client says at once, and what it goes on with.
DRIPPING = {
    "silent": (b"", b""),
    "head": (b"GET / HTTP/1.1\r\nX: ", b"y"),
    "second head": (POST + b"\r\ngoodGET / HTTP/1.1\r\nX: ", b"y"),
    "short body": (POST.replace(b" 4", b" 9000") + b"\r\n", b"y"),
    "long body": (POST.replace(b" 4", b" 900000") + b"\r\n", b"y"),
    "chunked body": (CHUNKS, b"y"),
}


@pytest.fixture(scope="module", params=["TCP", *CARRIERS])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hasty")
    start = running if request.param == "TCP" else lambda *rest, **more: carried(request.param, *rest, **more)
    with start(folder, configuration=HASTY) as server:
        assert server.ask() == (200, b"good")
        yield server


def drip(connection, first, drop):
    """What the server answers until it ends the connection."""
    received, until = b"", time.monotonic() + PATIENCE
    connection.settimeout(PAUSE)
    try:
        connection.sendall(first)
        while time.monotonic() < until:
            try:
                part = connection.recv(1000)
                if not part:
                    return received
                received += part
            except TimeoutError:
                connection.sendall(drop)
    except (ConnectionError, ssl.SSLError):
        return received
    pytest.fail("the connection was not ended")


@pytest.mark.parametrize("kind", DRIPPING)
def test_request_that_takes_too_long_is_ended(server, kind):
    first, drop = DRIPPING[kind]
    with server.connect() as connection:
        answer = drip(connection, first, drop)
    assert answer.count(b"HTTP/1.1") == (kind == "second head")


def test_beginning_that_takes_too_long_is_ended(server):
    """Of a handshake, or of the proxy protocol, or of a request."""
    first = b"PROXY TCP4 "
    if server.context:
        sent = ssl.MemoryBIO()
        client = server.context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        first = sent.read()[:20]
    with server.reach() as connection:
        assert drip(connection, first, b"\0" if server.context else b"1") == b""


def test_answer_that_is_not_taken_is_given_up(server):
    if isinstance(server.address, str):
        pytest.skip("psutil tells no peers of Unix sockets")
    worker = psutil.Process(int(server.ask(path="/pid")[1]))
    with server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(1)
        own = connection.getsockname()
        wait_until(lambda: own not in [other.raddr for other in worker.net_connections()], PATIENCE)


def test_defaults_are_those_that_the_documentation_promises():
    page = " ".join((settings.ROOT / "docs" / "reliability.md").read_text().split())
    promise = (
        f"gives a head {PromptWorker.head_seconds:.0f} s in all to arrive and a body"
        f" {PromptWorker.body_seconds:.0f} s, however the bytes are spread over that time, and a client"
        f" {PromptWorker.send_seconds:.0f} s to read an answer"
    )
    assert promise in page
