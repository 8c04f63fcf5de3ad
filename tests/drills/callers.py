"""Clients who ask at a steady pace while something is broken, and remember what became of each request."""

import select
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import pairwise
from threading import Event
from time import monotonic

from tests.services import PATIENCE


@dataclass(frozen=True)
class Call:
    """One request: when it began and ended, on the monotonic clock, and why it failed, if it did."""

    began: float
    ended: float
    failure: str | None


@dataclass
class Calls:
    """All requests so far."""

    ended: list[Call] = field(default_factory=list)
    repeated: int = 0
    stop: Event = field(default_factory=Event)

    def failed(self) -> list[Call]:
        """The requests that failed."""
        return [call for call in self.ended if call.failure]

    def silence(self, since: float) -> float:
        """The longest time without a good answer after ``since``, in seconds."""
        good = sorted(call.ended for call in self.ended if not call.failure and call.ended >= since)
        return max(after - before for before, after in pairwise([since, *good]))


@contextmanager
def calling(
    port: int,
    body: str,
    headers: Mapping[str, str],
    *,
    callers: int = 8,
    rate: float = 80,
    repeat: bool = False,
) -> Iterator[Calls]:
    """``callers`` over kept-alive connections, together ``rate`` predictions a second at most.

    With ``repeat`` they ask again over a new connection where a kept one is closed before the answer begins,
    as RFC 9112, 9.3.1, expects of clients: the server may close it at the moment when it is used.
    """
    calls = Calls()
    with ThreadPoolExecutor(callers) as pool:
        running = [
            pool.submit(_call, calls, port, body, headers, callers / rate, repeat=repeat)
            for _ in range(callers)
        ]
        try:
            yield calls
        finally:
            calls.stop.set()
    for caller in running:
        caller.result()


def _call(
    calls: Calls, port: int, body: str, headers: Mapping[str, str], interval: float, *, repeat: bool
) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    sent = {"Content-Type": "application/json", **headers}
    while not calls.stop.is_set():
        began = monotonic()
        _leave_closed(connection)
        kept = connection.sock is not None
        failure, closed = _ask(connection, body, sent)
        if repeat and kept and closed:
            calls.repeated += 1
            failure, _ = _ask(connection, body, sent)
        calls.ended.append(Call(began, monotonic(), failure))
        calls.stop.wait(interval - (monotonic() - began))
    connection.close()


def _ask(connection: HTTPConnection, body: str, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """Why a request failed, if it did, and whether that was the end of the connection before an answer."""
    closed = True
    try:
        connection.request("POST", "/api/predict", body, headers)
        response = connection.getresponse()
        closed = False
        answer = response.read().decode()
    except (OSError, HTTPException) as error:
        connection.close()
        return repr(error), closed and isinstance(error, ConnectionError)
    return (None if response.status == 200 else f"{response.status} {answer}"), False


def _leave_closed(connection: HTTPConnection) -> None:
    """As every client does: a connection that the server has closed in the meantime is not used again."""
    if connection.sock and select.select([connection.sock], [], [], 0)[0]:
        connection.close()
