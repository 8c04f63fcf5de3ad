"""Both load generators, and what is read off their output."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest

from benchmarks import client, wrk
from benchmarks.bodies import write
from benchmarks.client import Client
from benchmarks.load import Generator, Load, LoadError
from benchmarks.wrk import Wrk
from tests.services import require_command

BODIES = (b'{"n": 1}', b"\n\x00\r\n")
SUMMARY = (
    '{"duration_us": 2000000, "requests": 500, "p50_us": 1500, "p99_us": 9000, "errors": '
    '{"status": 3, "connect": 0, "read": 1, "write": 0, "timeout": 0}}'
)


class Peer(ThreadingHTTPServer):
    """A server that notes every body and media type."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: set[bytes] = set()
        self.types: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        peer = cast(Peer, self.server)
        peer.types.update(self.headers.get_all("Content-Type"))
        peer.bodies.add(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(int(self.path.removeprefix("/")))
        self.send_header("Content-Length", "2")
        self.end_headers()
        with suppress(OSError):  # the client stops with an answer on its way
            self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


class ClosingHandler(Handler):
    """Closes the connection after each answer."""

    protocol_version = "HTTP/1.0"


@contextmanager
def served(handler: type[Handler]) -> Iterator[Peer]:
    with Peer(handler) as peer:
        thread = threading.Thread(target=peer.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield peer
        peer.shutdown()
        thread.join()


@pytest.fixture(params=[Handler, ClosingHandler])
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    with served(request.param) as found:
        yield found


@pytest.fixture
def keeping() -> Iterator[Peer]:
    with served(Handler) as found:
        yield found


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    return write(tmp_path / "bodies", BODIES)


@pytest.fixture(params=["client", "wrk"])
def generator(request: pytest.FixtureRequest) -> Generator:
    if request.param == "client":
        return Client()
    require_command("wrk")
    return Wrk()


def test_every_answer_of_200_counts(generator: Generator, peer: Peer, bodies: Path) -> None:
    load = generator.run(f"{peer.url}/200", bodies, connections=2, seconds=1, headers={})
    assert load.requests > 0
    assert load.failures == 0
    assert 0 < load.p50_ms <= load.p99_ms
    assert set(BODIES) == peer.bodies
    assert peer.types == {"application/json"}


def test_media_type_of_a_peer_replaces_that_for_json(
    generator: Generator, keeping: Peer, bodies: Path
) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    generator.run(f"{keeping.url}/200", bodies, connections=1, seconds=1, headers=headers)
    assert keeping.types == {"application/octet-stream"}


def test_every_answer_of_429_is_a_failure(generator: Generator, keeping: Peer, bodies: Path) -> None:
    load = generator.run(f"{keeping.url}/429", bodies, connections=2, seconds=1, headers={})
    assert load.failures == load.requests > 0


def test_a_server_that_is_not_there_is_a_failure(bodies: Path) -> None:
    latencies, failures = client.post("http://127.0.0.1:1/200", bodies, connections=1, seconds=0.5)
    assert latencies == []
    assert failures > 0


def test_summary_of_wrk_is_read_among_other_lines() -> None:
    load = wrk.parse(f"Running 2s test\n  2 threads\n{SUMMARY}\n")
    assert load == Load(seconds=2.0, requests=500, failures=4, p50_ms=1.5, p99_ms=9.0)
    assert load.requests_per_second == 250


def test_output_of_wrk_without_summary_is_an_error() -> None:
    with pytest.raises(LoadError, match="Running"):
        wrk.parse("Running 2s test\n")


def test_latencies_become_percentiles_in_milliseconds() -> None:
    load = Load.of([0.001, 0.002, 0.003], failures=1, seconds=2)
    assert (load.requests, load.failures, load.requests_per_second) == (3, 1, 1.5)
    assert load.p50_ms == pytest.approx(2)


def test_no_latency_at_all_is_no_error() -> None:
    assert Load.of([], failures=0, seconds=1).requests == 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", (200, True)),
        (b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", (503, False)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", (200, True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
    ],
)
def test_an_answer_counts_once_it_is_whole(answer: bytes, expected: tuple[int, bool] | None) -> None:
    assert client.parse(answer) == expected
