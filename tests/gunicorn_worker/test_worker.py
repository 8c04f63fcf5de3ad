"""What slow clients do to a good one: nothing."""

import http.client
import json
import os
import resource
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest

from tests.gunicorn_worker.serving import PATIENCE, serving
from tests.services import wait_until

pytestmark = pytest.mark.server

SOON = 4.0  # s: far more than an answer takes, far less than any slow client is waited for

APPLICATION = """
import json, os, time

def app(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    if path == "/large":
        body = b"x" * 8_000_000
    elif path == "/fail":
        raise RuntimeError
    elif path == "/work":
        time.sleep(0.006)
    elif path == "/slow":
        time.sleep(0.03)
    elif path == "/hang":
        time.sleep(60)
    elif path == "/api/models/v1/wait":
        time.sleep(5)
    elif path == "/environ":
        body = json.dumps({name: value for name, value in environ.items() if isinstance(value, str)}).encode()
    elif path == "/pid":
        body = str(os.getpid()).encode()
    elif path == "/pieces":
        start_response("200 OK", [])
        return iter([b"one", b"two"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
CHUNKED_LARGE = b"POST /large HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
POST_WORK = b"POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngood"


@contextmanager
def running(folder, *options, application="application:app"):
    """The application under one `PromptWorker`."""
    with serving(APPLICATION, folder, *options, application=application) as server:
        yield server


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
            assert server.ask(timeout=SOON) == (200, b"good")  # long enough for the part to be looked at
            connection.sendall(body[end - (30_000 if end < 100_000 else 10_000) : end])
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < len(body):
            received += connection.recv(200_000)
    assert received.endswith(body)


def test_repeated_head_is_trusted_by_the_address_it_comes_from(server):
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
def test_head_that_gunicorn_refuses_is_refused_on_a_kept_connection(server, line):
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


def test_connections_that_come_together_are_shared_out(tmp_path):
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


def test_all_connections_get_their_turn_under_load(server):
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


def test_connections_that_come_under_load_are_taken_together(server):
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


def test_connections_that_wait_are_not_taken_one_by_one_by_a_busy_worker(server):
    """Between two of them each of the others would get a turn, and those that came last wait to the end."""
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
    """What has come until now."""
    with suppress(BlockingIOError):
        return connection.recv(100_000, socket.MSG_DONTWAIT)
    return b""


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


def test_operator_who_waits_holds_nobody_up(tmp_path):
    request = b"POST /api/models/v1/wait HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(tmp_path) as server, server.connect(request) as waiting:
        for _ in range(5):
            assert server.ask(timeout=SOON) == (200, b"good")
        waiting.settimeout(0.01)
        with pytest.raises(TimeoutError):
            waiting.recv(1)


def longest_wait(server, attack):
    """The longest time that a good client waits for an answer while others do what they do."""
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
def test_unfinished_request_makes_nobody_wait(server, data, first):
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
    worker.most_ready = 4
    application.waiting = worker.waiting
"""
REFUSING = """
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


def test_long_head_is_answered_in_the_loop(server):
    long = b"".join(b"X: %b\r\n" % (b"x" * 4000) for _ in range(7))
    with server.connect(POST + long + b"\r\ngood") as connection:
        assert connection.recv(10_000).endswith(b"good")


def test_rest_of_a_body_that_nobody_read_holds_no_thread(tmp_path):
    """An application that refuses before it reads, and four clients that drip chunks after the refusal."""
    with serving(REFUSING, tmp_path) as server:
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


def test_operator_waits_for_no_rest_of_what_was_refused(tmp_path):
    head = b"POST /api/models/v1/activate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    with serving(REFUSING, tmp_path) as server, ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(server.connect(head))
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 401


def test_clients_that_read_nothing_hold_no_thread(server):
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"))
            stack.enter_context(server.connect(CHUNKED_LARGE))
        body = b"x" * 200_000  # too long for the loop: it needs a thread
        assert server.ask(body=body, timeout=SOON) == (200, body)


def test_answer_that_is_read_slowly_arrives_whole_and_the_connection_goes_on(server):
    with server.connect(CHUNKED_LARGE + POST + b"\r\ngood") as connection:
        assert server.ask(timeout=SOON) == (200, b"good")
        received = b""
        while not received.endswith(b"\r\n\r\ngood"):
            received += connection.recv(100_000)
    assert received.count(b"x" * 8_000_000) == 1


def test_operator_is_not_refused_for_the_long_bodies_that_wait(tmp_path):
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with (
        serving(SHEDDING, tmp_path, configuration=CONFIGURATION) as server,
        ExitStack() as stack,
    ):
        for _ in range(8):
            stack.enter_context(server.connect(long))
        assert server.ask(timeout=SOON)[0] == 200  # so the long ones have been looked at
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 200


def test_connections_that_are_closed_together_have_no_request_refused(tmp_path):
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
PIPELINED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/he"


def begin_behind_another(connection):
    """The beginning of a request, read together with the one before it."""
    connection.sendall(PIPELINED)
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def send_urgently(connection):
    connection.sendall(b"GET /api/he")
    connection.send(b"a", socket.MSG_OOB)
    connection.sendall(b"bcd")


@pytest.mark.parametrize("begin", [begin_behind_another, send_urgently])
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
        begin_behind_another(connection)
        for part in (b"llo HTTP/1.1\r\nHo", b"st: x\r\n", b"\r\n"):
            assert server.ask(timeout=SOON) == (200, b"good")  # long enough for the part to be looked at
            connection.sendall(part)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_operator_is_answered_while_all_threads_read_long_bodies(server):
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(server.connect(long))
        time.sleep(0.2)
        began = time.monotonic()
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 200
        with server.connect(EXPECTING) as expecting:
            assert expecting.recv(1000).startswith(b"HTTP/1.1 100")
        assert time.monotonic() - began < SOON


def test_longest_silent_connections_go_when_there_are_too_many(tmp_path):
    with running(tmp_path, "--worker-connections", "40") as server, ExitStack() as stack:
        silent = [stack.enter_context(server.connect(b"G")) for _ in range(80)]
        for _ in range(5):
            assert server.ask(timeout=PATIENCE) == (200, b"good")
        silent[0].settimeout(SOON)
        with suppress(ConnectionResetError):
            assert silent[0].recv(10) == b""


def test_heads_that_grow_by_a_byte_have_no_request_refused(tmp_path):
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
