"""How a worker ends, and what it does when connections or files run out."""

import http.client
import resource
import signal
import socket
from contextlib import ExitStack, closing, suppress

import pytest

from tests.gunicorn_worker.serving import PATIENCE, POST, SOON, running
from tests.services import wait_until

pytestmark = pytest.mark.server


def test_worker_that_hangs_is_replaced(tmp_path):
    with running(tmp_path, "--timeout", "1") as server:
        first = server.ask(path="/pid")
        with server.connect(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
            assert connection.recv(100) == b""
        assert server.ask(path="/pid") != first


def test_worker_ends_after_its_requests(tmp_path):
    with running(tmp_path, "--max-requests", "5") as server:
        pids = {server.ask(path="/pid") for _ in range(20)}
    assert len(pids) >= 3
    assert {status for status, _ in pids} == {200}


def test_server_ends_in_order_with_connections_open(tmp_path):
    with running(tmp_path) as server:
        kept = server.connect(POST + b"\r\ngood")
        assert kept.recv(10_000).endswith(b"good")
        silent, half = server.connect(), server.connect(POST)
        with kept, silent, half:
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(PATIENCE) == 0


def test_stopping_server_refuses_connections_at_once_and_finishes_requests(tmp_path):
    with running(tmp_path) as server:
        assert server.ask() == (200, b"good")
        with server.connect(POST + b"\r\ngo") as half:
            assert server.ask() == (200, b"good")  # so the half has been inspected
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses_connections(server))
            half.sendall(b"od")  # within the two seconds that it waits for connections
            assert half.recv(10_000).endswith(b"good")


def test_idle_connections_are_closed_when_no_more_files_can_be_opened(tmp_path):
    with running(tmp_path) as server, ExitStack() as stack:
        pid = int(server.ask(path="/pid", method="GET", body=None)[1])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (40, 40))
        for _ in range(100):
            stack.enter_context(server.connect())
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")
        assert server.ask(path="/pid", method="GET", body=None) == (200, str(pid).encode())
        server.process.terminate()
        _, log = server.process.communicate(timeout=PATIENCE)
    assert log.count("No more files can be opened") == 1
    assert "Traceback" not in log


def refuses_connections(server):
    try:
        server.connect().close()
    except ConnectionError:
        return True
    return False


def test_longest_idle_connections_are_closed_at_the_limit_of_connections(tmp_path):
    with running(tmp_path, "--worker-connections", "40") as server, ExitStack() as stack:
        silent = [stack.enter_context(server.connect(b"G")) for _ in range(80)]
        for _ in range(5):
            assert server.ask(timeout=PATIENCE) == (200, b"good")
        silent[0].settimeout(SOON)
        with suppress(ConnectionResetError):
            assert silent[0].recv(10) == b""


REFUSED = {
    "400": b"nonsense\r\n",
    "500": b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n",
    "500 by a thread": b"POST /fail HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "closed on demand": POST + b"Connection: close\r\n\r\ngood",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_closing_connections_are_the_first_to_go_at_the_limit_of_connections(tmp_path, data):
    with running(tmp_path, "--worker-connections", "40") as server, ExitStack() as stack:
        kept = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", server.port)))
        for _ in range(100):
            stack.enter_context(server.connect(data))  # the client leaves its half open
            kept.request("POST", "/", b"good")
            assert kept.getresponse().read() == b"good"
            assert server.ask(timeout=PATIENCE) == (200, b"good")
        assert kept.sock


def test_steady_body_is_not_taken_for_a_silent_one_at_the_limit_of_connections(tmp_path):
    with running(tmp_path, "--worker-connections", "40") as server, ExitStack() as stack:
        body = b"x" * 100_000
        sender = server.connect(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body[:100])
        stack.enter_context(sender).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or pieces wait
        for start in range(100, 2100, 100):
            assert server.ask(timeout=SOON) == (200, b"good")
            sender.sendall(body[start : start + 100])
            for _ in range(10):
                stack.enter_context(server.connect())
        sender.sendall(body[2100:])
        assert sender.recv(100).startswith(b"HTTP/1.1 200")
