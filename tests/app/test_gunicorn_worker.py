"""What slow clients do to a good one: nothing."""

import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager

import pytest

from app.gunicorn_worker import IN_PLACE, missing
from tests.services import wait_until

PATIENCE = 20.0
SOON = 2.0  # s: far more than an answer takes, far less than any slow client is waited for

APPLICATION = """
import hashlib, os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    if path == "/large":
        body = b"x" * 8_000_000
    elif path == "/fail":
        raise RuntimeError
    elif path == "/hang":
        time.sleep(60)
    elif path == "/api/models/v1/wait":
        time.sleep(5)
    elif path == "/pid":
        body = str(os.getpid()).encode()
    elif path == "/pieces":
        start_response("200 OK", [])
        return iter([b"one", b"two"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"


class Server:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def connect(self, data=b""):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(data)
        return connection

    def ask(self, method="POST", path="/", body=b"good", timeout=PATIENCE, **headers):
        """Status and body of one call on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()


@contextmanager
def running(folder, *options):
    """One worker process; the socket listens before there is one, so nobody has to wait for it."""
    (folder / "application.py").write_text(APPLICATION)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "--config", "/dev/null", "--chdir", str(folder)),
                *("--worker-class", "app.gunicorn_worker.PromptWorker", "--workers", "1", "--threads", "4"),
                *("--keep-alive", "75", "--no-control-socket", "--bind", f"fd://{listener.fileno()}"),
                *(*options, "application:app"),
            ],
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        yield Server(process, port)
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("application")) as server:
        assert server.ask() == (200, b"good")
        yield server


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
def test_good_client_is_answered_beside_twelve_slow_ones(server, data):
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect(data))
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")


def test_good_client_is_answered_beside_slow_ones_of_all_kinds(server):
    with ExitStack() as stack:
        for data in [*SLOW.values()] * 4:
            stack.enter_context(server.connect(data))
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")


def test_request_that_arrives_in_parts_is_answered(server):
    with server.connect() as connection:
        for part in (POST[:10], POST[10:], b"\r\n", b"go", b"od"):
            connection.sendall(part)
            assert server.ask(timeout=SOON) == (200, b"good")  # long enough for the part to be looked at
        assert connection.recv(10_000).endswith(b"\r\n\r\ngood")


def test_long_request_is_answered(server):
    body = os.urandom(1_000_000)
    assert server.ask(body=body) == (200, body)


def test_chunked_request_is_answered(server):
    assert server.ask(body=iter([b"one", b"two"])) == (200, b"onetwo")


def test_answer_longer_than_the_buffers_arrives_whole(server):
    with server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
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


def test_connection_is_closed_on_demand(server):
    with server.connect(POST + b"Connection: close\r\n\r\ngood") as connection:
        data = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert b"\r\nConnection: close\r\n" in data
    assert data.endswith(b"good")


def test_client_that_stalls_is_let_go_without_a_traceback(tmp_path):
    with running(tmp_path) as server:
        with server.connect(SLOW["chunked without an end"]) as connection:
            assert connection.recv(100) == b""  # after the 5 s of STALL
        assert server.ask() == (200, b"good")
        server.process.terminate()
        _, log = server.process.communicate(timeout=PATIENCE)
    assert "Traceback" not in log


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


def test_server_that_stops_refuses_connections_at_once_and_finishes_requests(tmp_path):
    with running(tmp_path) as server:
        assert server.ask() == (200, b"good")
        with server.connect(POST + b"\r\ngo") as half:
            assert server.ask() == (200, b"good")  # so the half has been looked at
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses_connections(server))
            half.sendall(b"od")  # within the two seconds that it waits for connections
            assert half.recv(10_000).endswith(b"good")


def test_silent_connections_make_room_when_no_more_files_can_be_opened(tmp_path):
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


def head(*lines, body=b""):
    return b"\r\n".join([b"POST / HTTP/1.1", *lines, b"", body])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"POST", 1),
        (head(), 0),
        (head()[:-2], 1),
        (head(b"content-length: 3", body=b"abc"), 0),
        (head(b"CONTENT-LENGTH:3", body=b"abcd"), 0),
        (head(b"Content-Length: 3", body=b"a"), 2),
        (head(b"X-Content-Length: 3"), 0),
        (head(b"Content-Length: %d" % IN_PLACE), None),
        (head(b"Content-Length: " + b"9" * 5000), None),
        (head(b"Transfer-Encoding: chunked", b"Content-Length: 0"), None),
        (head(b"Expect: 100-continue", b"Content-Length: 3"), None),
        (b"\r\n" + head(), None),
        (b"\r\n\r\n", None),
        (b"x" * IN_PLACE, None),
    ],
)
def test_missing_is_what_a_request_lacks(data, expected):
    assert missing(data) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"POST /api/models/v1/activate?wait=true",
        b"POST /api/models/rollback",
        b"POST /api/models/v1/verify",
        b"POST /api/models/routing",
        b"DELETE /api/models/v1",
        b"delete http://x/api/models/v1",
    ],
)
def test_call_of_an_operator_is_left_to_a_thread(line):
    assert missing(line + b" HTTP/1.1\r\nHost: x\r\n\r\n") is None


@pytest.mark.parametrize(
    "line",
    [
        b"POST /api/predict",
        b"GET /api/models",
        b"POST /api/models/fraud/predict",
        b"POST /api/models/fraud/predict?x=y",
        b"POST /api/models/fraud/predict/batch",
    ],
)
def test_prediction_is_answered_in_the_loop(line):
    assert missing(line + b" HTTP/1.1\r\nHost: x\r\n\r\n") == 0


def test_operator_who_waits_holds_nobody_up(server):
    with server.connect(b"POST /api/models/v1/wait HTTP/1.1\r\nHost: x\r\n\r\n") as waiting:
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")
        waiting.settimeout(0.01)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
