"""Requests over TLS, a Unix socket and behind the proxy protocol: the kernel cannot tell where they end."""

import http.client
import os
import signal
import socket
import ssl
import struct
import time
from contextlib import ExitStack, closing

import pytest

from tests.gunicorn_worker.serving import CARRIERS, CHUNKED_LARGE, POST, SOON, carried

pytestmark = pytest.mark.server

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
REJECTING = """
def app(environ, start_response):
    start_response("401 No", [("Content-Length", "0")])
    return [b""]
"""


@pytest.fixture(scope="module", params=CARRIERS)
def server(request, tmp_path_factory):
    with carried(request.param, tmp_path_factory.mktemp("carried")) as server:
        assert server.ask() == (200, b"good")
        yield server


def read(connection, end):
    received = b""
    while not received.endswith(end):
        part = connection.recv(100_000)
        assert part, received[-1000:]
        received += part
    return received


def test_request_that_arrives_in_parts_is_answered(server):
    with server.connect() as connection:
        for _ in range(2):
            for part in (b"P", POST[1:10], POST[10:], b"\r\n", b"go", b"od"):
                connection.sendall(part)
                assert server.ask(timeout=SOON) == (200, b"good")  # so the part has been inspected
            assert connection.recv(10_000).endswith(b"\r\n\r\ngood")


def test_pipelined_requests_are_answered_in_order(server):
    requests = b"".join(POST + b"\r\n%04d" % number for number in range(50))
    with server.connect(requests) as connection:
        answers = read(connection, b"0049").split(b"\r\n\r\n")[1:]
    assert [int(answer[:4]) for answer in answers] == list(range(50))


def test_request_right_behind_a_long_body_is_answered(server):
    # In a record of TLS with more than 8 kB of the body: gunicorn reads so far beyond the end of a body.
    long = POST.replace(b" 4", b" 206000") + b"\r\n" + b"x" * 206_000
    with server.connect(long + POST + b"\r\ngood") as connection:
        connection.settimeout(SOON)
        read(connection, b"\r\n\r\ngood")


def test_bodies_of_all_lengths_are_answered_on_a_kept_connection(server):
    with closing(http.client.HTTPConnection("localhost")) as connection:
        connection.sock = server.connect()
        for length in (0, 1, 10_000, 16_384, 40_000, 131_072, 1_000_000, 5):
            body = os.urandom(length)
            connection.request("POST", "/", body)
            assert connection.getresponse().read() == body


def test_answer_that_is_read_slowly_arrives_whole_and_the_connection_goes_on(server):
    with server.connect(CHUNKED_LARGE + POST + b"\r\ngood") as connection:
        assert server.ask(timeout=SOON) == (200, b"good")
        assert read(connection, b"\r\n\r\ngood").count(b"x" * 8_000_000) == 1


def test_clients_that_do_not_read_hold_no_thread(server):
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.connect(CHUNKED_LARGE))
        for _ in range(3):
            assert server.ask(timeout=SOON) == (200, b"good")


@pytest.mark.parametrize("bare", [b"", b"P", b"\x16\x03\x01"])
def test_beginnings_of_connections_hold_no_thread(server, bare):
    """Of a handshake, of the proxy protocol, or of a request."""
    with ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(server.reach()).sendall(bare)
        for _ in range(3):
            assert server.ask(timeout=SOON) == (200, b"good")


@pytest.mark.parametrize("data", [b"", POST[:30], POST, POST.replace(b" 4", b" 90000") + b"\r\n"])
def test_beginnings_of_requests_hold_no_thread(server, data):
    with ExitStack() as stack:
        held = [stack.enter_context(server.connect(data)) for _ in range(12)]
        for _ in range(3):
            assert server.ask(timeout=SOON) == (200, b"good")
            for connection in held:
                connection.sendall(b"P")


def test_head_that_can_never_end_is_400_at_once(server):
    with server.connect(b"nonsense\r\n") as connection:
        connection.settimeout(SOON)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_operator_is_answered_while_all_threads_read_long_bodies(server):
    with ExitStack() as stack:
        for _ in range(8):
            long = stack.enter_context(server.connect(POST.replace(b" 4", b" 900000") + b"\r\n"))
            long.sendall(b"a")
        began = time.monotonic()
        assert server.ask(path="/api/models/v1/activate", timeout=SOON)[0] == 200
        assert time.monotonic() - began < SOON


@pytest.mark.parametrize("carrier", CARRIERS)
def test_unread_body_ends_the_connection(tmp_path, carrier):
    """Else its rest would be taken for the next request."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
    with carried(carrier, tmp_path, text=REJECTING) as server, server.connect(head) as connection:
        connection.settimeout(SOON)
        assert b"401" in connection.recv(1000)
        assert connection.recv(1000) == b""


@pytest.mark.parametrize("cut", [1, 12, 15, 16, 27, 28])
def test_binary_header_of_the_proxy_protocol_may_come_in_pieces(tmp_path_factory, cut):
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([203, 0, 113, 7, 10, 0, 0, 1, 0, 80, 0, 80])
    with carried("proxy protocol", tmp_path_factory.mktemp("proxy")) as server:
        data = header + GET.replace(b"/", b"/environ", 1)
        with server.reach() as connection:
            connection.sendall(data[:cut])
            assert server.ask(timeout=SOON) == (200, b"good")  # so the piece has been inspected
            connection.sendall(data[cut:])
            assert b'"REMOTE_ADDR": "203.0.113.7"' in connection.recv(10_000)


def test_plain_bytes_end_a_connection_that_speaks_tls(tmp_path):
    with carried("TLS", tmp_path) as server, server.reach() as connection:
        connection.sendall(GET)
        connection.settimeout(SOON)
        assert b"HTTP" not in connection.recv(1000)
        assert server.ask() == (200, b"good")


def test_clients_that_leave_before_the_handshake_are_not_logged(tmp_path):
    with carried("TLS", tmp_path) as server:
        pid = int(server.ask(path="/pid")[1])
        os.kill(pid, signal.SIGSTOP)
        for _ in range(5):
            with server.reach() as connection:  # reset when it is closed
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.kill(pid, signal.SIGCONT)
        assert server.ask() == (200, b"good")
        server.process.terminate()
        _, log = server.process.communicate()
    assert "Traceback" not in log


def test_certificate_that_is_gone_is_logged_and_ends_no_worker(tmp_path):
    with carried("TLS", tmp_path) as server:
        assert server.ask() == (200, b"good")
        (tmp_path / "cert.pem").rename(tmp_path / "elsewhere")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            server.connect()
        (tmp_path / "elsewhere").rename(tmp_path / "cert.pem")
        assert server.ask() == (200, b"good")
        server.process.terminate()
        _, log = server.process.communicate()
    assert "No such file or directory" in log
