"""Order of requests, shares of connections, and requests beyond `max_ready`."""

import http.client
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from statistics import median

import pytest

from tests.gunicorn_worker.serving import PATIENCE, POST, SOON, running, serving

pytestmark = pytest.mark.server

POST_WORK = b"POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngood"


def test_new_connections_are_balanced_among_workers(tmp_path):
    with running(tmp_path, "--workers", "2") as server:
        pids = set()
        while len(pids) < 2:  # until both have started
            pids.add(server.ask(path="/pid")[1])
        # A busy machine may let one of them sleep meanwhile, but not for ever.
        rounds = [fewest_of(server, pids) for _ in range(7)]
        while median(rounds[-7:]) < 4 and len(rounds) < 100:
            rounds.append(fewest_of(server, pids))
        assert median(rounds[-7:]) >= 4, rounds


def fewest_of(server, pids):
    """Of 16 connections that come together, how many the worker with the fewest has."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(16)]
        for connection in connections:
            connection.sendall(b"GET /pid HTTP/1.1\r\nHost: x\r\n\r\n")
        served = [connection.recv(10_000).rpartition(b"\r\n\r\n")[2] for connection in connections]
    return min(served.count(pid) for pid in pids)


def test_all_connections_get_equal_shares_under_load(server):
    answered = [0] * 8
    end = time.monotonic() + 2

    def ask(number):
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
            while time.monotonic() < end:
                connection.request("POST", "/work", b"x")
                assert connection.getresponse().read() == b"x"
                answered[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(answered))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(answered) >= max(answered) / 2, answered


def test_new_connections_are_accepted_together_under_load(server):
    busy, new = [], []
    with ExitStack() as stack:
        for _ in range(8):
            busy.append(stack.enter_context(server.connect()))
            busy[-1].sendall(POST_WORK)
            assert busy[-1].recv(1000)
        for connection in busy * 8:  # fifty turns of the loop
            connection.sendall(POST_WORK)
        for _ in range(16):
            new.append(stack.enter_context(server.connect()))
            new[-1].sendall(POST + b"\r\ngood")
        assert all(connection.recv(1000) for connection in new)
        answers = sum(arrived(connection).count(b"200 OK") for connection in busy)
    assert answers < 32


def test_busy_worker_accepts_the_whole_backlog_at_once(server):
    """Accepted one by one, each would wait for a turn of all other connections."""
    ended = threading.Event()

    def ask_again_and_again():
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
            while not ended.is_set():
                connection.request("POST", "/slow", b"good")
                assert connection.getresponse().read() == b"good"

    with ThreadPoolExecutor(8) as busy, ExitStack() as stack:
        others = [busy.submit(ask_again_and_again) for _ in range(8)]
        stack.callback(ended.set)
        time.sleep(0.5)
        began = time.monotonic()
        slow = POST.replace(b"/", b"/slow", 1) + b"\r\ngood"
        new = [stack.enter_context(server.connect(slow)) for _ in range(20)]
        assert all(connection.recv(1000) for connection in new)
        waited = time.monotonic() - began
    assert not any(other.exception() for other in others)
    assert waited < 20 * 8 * 0.03 / 2


def arrived(connection):
    """Bytes that have arrived."""
    with suppress(BlockingIOError):
        return connection.recv(100_000, socket.MSG_DONTWAIT)
    return b""


def test_waiting_operator_delays_no_other_client(tmp_path):
    request = b"POST /api/models/v1/wait HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(tmp_path) as server, server.connect(request) as waiting:
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")
        waiting.settimeout(0.01)
        with pytest.raises(TimeoutError):
            waiting.recv(1)


SHEDDING = """
waiting = None

def app(environ, start_response):
    status = "503 No" if waiting() else "200 OK"
    environ["wsgi.input"].read()
    start_response(status, [("Content-Length", "0")])
    return [b""]
"""
CONFIGURATION = """
    import application
    worker.max_ready = 4
    application.waiting = worker.waiting
"""


def test_operator_is_not_rejected_because_long_bodies_wait(tmp_path):
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with (
        serving(SHEDDING, tmp_path, configuration=CONFIGURATION) as server,
        ExitStack() as stack,
    ):
        for _ in range(8):
            stack.enter_context(server.connect(long))
        assert server.ask(timeout=SOON)[0] == 200  # so the long ones have been inspected
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 200


def test_closing_many_connections_gets_no_request_rejected(tmp_path):
    with (
        serving(SHEDDING, tmp_path, configuration=CONFIGURATION) as server,
        closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as good,
    ):
        good.request("POST", "/", b"good")
        assert good.getresponse().read() == b""
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
        with ExitStack() as stack:
            for _ in range(900):
                stack.enter_context(server.connect())
            assert server.ask()[0] == 200  # so they have been taken
            os.kill(int(children), signal.SIGSTOP)
        good.request("POST", "/", b"good")
        os.kill(int(children), signal.SIGCONT)
        assert good.getresponse().status == 200


EXPECTING = (
    b"POST /api/models/v1/verify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
)


def test_operator_is_answered_while_all_threads_read_long_bodies(server):
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(server.connect(long))
        assert server.ask(timeout=SOON) == (200, b"good")  # so the long ones have been inspected
        began = time.monotonic()
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 200
        with server.connect(EXPECTING) as expecting:
            assert expecting.recv(1000).startswith(b"HTTP/1.1 100")
        assert time.monotonic() - began < SOON


def test_heads_that_grow_by_a_byte_get_no_request_rejected(tmp_path):
    with (
        serving(SHEDDING, tmp_path, configuration=CONFIGURATION) as server,
        ExitStack() as stack,
    ):
        slow = [stack.enter_context(server.connect(b"G")) for _ in range(900)]
        asked = [stack.enter_context(server.connect()) for _ in range(3)]
        for _ in range(30):
            for place, connection in enumerate(slow):
                connection.sendall(b"E")
                if place % 300 == 299:
                    asked[place // 300].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert all(connection.recv(1000).startswith(b"HTTP/1.1 200 OK") for connection in asked)
