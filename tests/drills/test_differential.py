"""`PromptWorker` answers every request as gunicorn's ``gthread`` does, to the byte."""

import asyncio
import re
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import NamedTuple

import pytest

from tests.gunicorn_worker.requests import BEYOND_MAX_HEAD_BYTES, GOOD, cut, mutated, written
from tests.gunicorn_worker.serving import PROMPT, serving

pytestmark = pytest.mark.drill

APPLICATION = """
import json

LEFT_OUT = ("SERVER_PORT", "REMOTE_PORT")
LENGTHS = {"/longer": "3", "/shorter": "9"}

def answer(start_response, status, body, *headers):
    start_response(status, [("Content-Length", str(len(body))), *headers])
    return [body]

def late():
    yield b"one"
    raise RuntimeError

def app(environ, start_response):
    path, stream = environ["PATH_INFO"], environ["wsgi.input"]
    if path == "/refuse":
        return answer(start_response, "401 Unauthorized", b"no")
    if path == "/two":
        return answer(start_response, "200 OK", stream.read(2))
    if path == "/lines":
        return answer(start_response, "200 OK", b"|".join([stream.readline(3), *stream]))
    body = stream.read()
    if path == "/none":
        return answer(start_response, "204 No Content", b"")
    if path == "/unchanged":
        return answer(start_response, "304 Not Modified", b"body")
    if path == "/close":
        return answer(start_response, "200 OK", body, ("Connection", "close"))
    if path == "/header":
        return answer(start_response, "200 OK", body, ("X-Bad", "a\\r\\nb"))
    if path == "/fail":
        raise RuntimeError
    start_response("200 OK", [("Content-Length", LENGTHS[path])] if path in LENGTHS else [])
    if path == "/pieces":
        return iter([b"one", b"", b"two"])
    if path == "/late":
        return late()
    if path == "/nothing":
        return []
    seen = {name: value for name, value in environ.items() if isinstance(value, str) and name not in LEFT_OUT}
    if seen["SERVER_NAME"][:1] == "/":
        del seen["SERVER_NAME"]  # the path of a Unix socket
    return [json.dumps(seen, sort_keys=True).encode(), b"\\n", body]
"""
SETTINGS = [
    *("--limit-request-line", "2048", "--limit-request-fields", "50", "--limit-request-field_size", "4096"),
    *("--http-parser", "python", "--threads", "200", "--log-level", "critical"),
]
TOGETHER = 100  # concurrent exchanges, each of which may hold a thread of both servers
GAP = 0.02  # s between two pieces
QUIET = 0.5  # s without a byte, after which nothing more is expected
LONG_QUIET = 3.0  # the same where the two differed
END = b""  # of what is sent
MODES = {
    "whole": lambda request: [request],
    "in pieces": lambda request: cut(request, 4),
    "second on a connection": lambda request: [GOOD, request],
    "pipelined before a good one": lambda request: [request + GOOD],
    "pipelined behind a good one": lambda request: [GOOD + request],
    "pipelined and in pieces": lambda request: cut(GOOD + request + GOOD, 4),
    "half closed": lambda request: [request, END],
}
# Paths whose bodies the application leaves unread: `PromptWorker` closes the connection instead of waiting.
UNREAD = re.compile(rb" /(?:refuse|two) ")
# Differs between runs: the date, and how many bytes of an overlong line have arrived.
PASSING = re.compile(rb"(?s)(HTTP/1.1 414 ).*?</html>|\r\nDate: [^\r]*")
# Differs between runs in pieces: which of two errors is found first.
PASSING_IN_PIECES = re.compile(rb"(?s)(HTTP/1.1 4(?:00|14) ).*?</html>|\r\nDate: [^\r]*")


class Transcript(NamedTuple):
    received: bytes
    closed: bool


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """The two servers."""
    folder = tmp_path_factory.mktemp("differential")
    with both_serving(folder, {PROMPT: None, "gthread": None}) as servers:
        yield servers


@pytest.fixture(scope="module")
def servers_at_unix_sockets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("differential")
    with both_serving(folder, {PROMPT: folder / "prompt", "gthread": folder / "stock"}) as servers:
        yield servers


@contextmanager
def both_serving(folder, paths):
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                serving(APPLICATION, folder, *SETTINGS, worker_class=worker_class, socket_path=path)
            )
            for worker_class, path in paths.items()
        ]
        assert [server.ask()[0] for server in servers] == [200, 200]
        yield servers


async def exchange(server, pieces, quiet):
    """Send pieces, and read until the server closes or is quiet."""
    reader, writer = await asyncio.open_connection(sock=server.reach())
    received, closed = b"", False
    with closing(writer):
        with suppress(ConnectionError):
            for place, piece in enumerate(pieces):
                await asyncio.sleep(GAP if place else 0)
                writer.write(piece) if piece else writer.write_eof()
        try:
            while not closed:
                async with asyncio.timeout(quiet):
                    part = await reader.read(2**20)
                received, closed = received + part, not part
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
    passing = PASSING_IN_PIECES if len(pieces) > 1 else PASSING
    return Transcript(passing.sub(rb"\1", received), closed)


async def both(servers, pieces, quiet):
    return tuple(await asyncio.gather(*(exchange(server, pieces, quiet) for server in servers)))


async def differences(servers, requests):
    """Requests with different answers, and both answers; tried three times, because one may be late."""
    gate = asyncio.Semaphore(TOGETHER)

    async def compared(pieces, quiet):
        async with gate:
            return pieces, *await both(servers, pieces, quiet)

    for quiet in (QUIET, LONG_QUIET, 5 * LONG_QUIET):
        results = await asyncio.gather(*(compared(pieces, quiet) for pieces in requests))
        different = [result for result in results if result[1] != result[2]]
        requests = [pieces for pieces, *_ in different]
    return different


def compare(servers, mode, number):
    every = dict.fromkeys([*written(), *mutated(int(number))])
    requests = [request for request in every if "pieces" not in mode or not UNREAD.search(request)]
    different = asyncio.run(differences(servers, [MODES[mode](request) for request in requests]))
    assert different[:5] == []


@pytest.mark.parametrize("mode", MODES)
def test_every_request_is_answered_as_by_gthread(servers, mode, length):
    compare(servers, mode, length(100, 1000))


@pytest.mark.parametrize("mode", ["whole", "in pieces", "pipelined and in pieces"])
def test_every_request_over_a_unix_socket_is_answered_as_by_gthread(servers_at_unix_sockets, mode, length):
    compare(servers_at_unix_sockets, mode, length(100, 1000))


@pytest.mark.parametrize("request_", BEYOND_MAX_HEAD_BYTES)
def test_head_beyond_max_head_bytes_is_the_exception(servers, request_):
    prompt, stock = asyncio.run(both(servers, [request_], LONG_QUIET))
    assert prompt.received.startswith(b"HTTP/1.1 431 ")
    assert stock.received.startswith(b"HTTP/1.1 200 ")
