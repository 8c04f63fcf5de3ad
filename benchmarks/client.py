"""Load generator in Python for machines without wrk: two processes, a thread per connection."""

import multiprocessing
import re
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import chain, cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.bodies import read
from benchmarks.load import Load

PROCESSES = 2
HEAD = re.compile(rb"HTTP/1\.[01] (\d{3}).*?\r\n\r\n", re.DOTALL)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)

Posted = tuple[list[float], int]
"""Latencies in seconds, and the number of failed requests."""


class Client:
    """`benchmarks.load.Generator` that is itself the bottleneck above some 5,000 requests/s."""

    name = "client"

    def run(
        self, url: str, bodies: Path, *, connections: int, seconds: float, headers: Mapping[str, str]
    ) -> Load:
        shares = [len(range(n, connections, PROCESSES)) for n in range(min(PROCESSES, connections))]
        # Spawned, because the progress bar's thread does not survive a fork.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(len(shares), mp_context=context) as pool:
            running = [pool.submit(post, url, bodies, share, seconds, headers) for share in shares]
            latencies, failures = _together(future.result() for future in running)
        return Load.of(latencies, failures=failures, seconds=seconds)


def post(
    url: str, bodies: Path, connections: int, seconds: float, headers: Mapping[str, str] | None = None
) -> Posted:
    """Post over ``connections`` in parallel until ``seconds`` have passed."""
    messages = _messages(url, bodies, headers or {})
    deadline = time.perf_counter() + seconds
    with ThreadPoolExecutor(connections) as pool:
        running = [
            pool.submit(_converse, url, islice(cycle(messages), n, None), deadline)
            for n in range(connections)
        ]
        return _together(future.result() for future in running)


def _converse(url: str, messages: Iterator[bytes], deadline: float) -> Posted:
    """Send one request after the other over one connection."""
    latencies: list[float] = []
    failures = 0
    connection = Connection(url)
    try:
        for message in messages:
            sent = time.perf_counter()
            try:
                status = connection.exchange(message, patience=deadline - sent)
            except TimeoutError:
                break
            except OSError:
                status = None
            if status is not None:
                latencies.append(time.perf_counter() - sent)
            failures += status is None or not 200 <= status < 300
    finally:
        connection.close()
    return latencies, failures


class Connection:
    """Socket with keep-alive if the server supports it, or else a new one per request."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._socket: socket.socket | None = None

    def exchange(self, message: bytes, *, patience: float) -> int:
        """Send one HTTP request and return the status, once the whole answer is there.

        :raises TimeoutError: if ``patience`` seconds pass without a sign of the server.
        :raises OSError: if the connection breaks.
        """
        if patience <= 0:
            raise TimeoutError
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=patience)
            self._socket.settimeout(patience)
            self._socket.sendall(message)
            status, keep = self._receive(self._socket)
        except OSError:
            self.close()
            raise
        if not keep:
            self.close()
        return status

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @staticmethod
    def _receive(source: socket.socket) -> tuple[int, bool]:
        buffer = b""
        while (answer := parse(buffer)) is None:
            data = source.recv(1 << 18)
            if not data:
                raise ConnectionError("hung up before the answer was whole")
            buffer += data
        return answer


def parse(buffer: bytes) -> tuple[int, bool] | None:
    """Status of an answer and whether the connection stays open; None while the answer is incomplete."""
    head = HEAD.match(buffer)
    if head is None:
        return None
    if length := LENGTH.search(head[0]):
        whole = len(buffer) >= head.end() + int(length[1])
    else:
        whole = bool(CHUNKED.search(head[0])) and buffer.endswith(b"\r\n0\r\n\r\n")
    keep = head[0].startswith(b"HTTP/1.1") and not CLOSE.search(head[0])
    return (int(head[1]), keep) if whole else None


def _messages(url: str, bodies: Path, headers: Mapping[str, str]) -> list[bytes]:
    """Each body of the file as a whole HTTP request."""
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, "Content-Type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"POST {parts.path} HTTP/1.1\r\n{lines}Content-Length: ".encode()
    return [b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in read(bodies)]


def _together(outcomes: Iterator[Posted]) -> Posted:
    latencies, failures = zip(*outcomes, strict=True)
    return list(chain.from_iterable(latencies)), sum(failures)
