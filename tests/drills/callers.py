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
    stop: Event = field(default_factory=Event)

    def failed(self) -> list[Call]:
        """The requests that failed."""
        return [call for call in self.ended if call.failure]

    def in_flight(self, since: float, until: float) -> list[Call]:
        """The requests under way at some time between these two."""
        return [call for call in self.ended if call.began <= until and call.ended >= since]

    def silence(self, since: float) -> float:
        """The longest time without a good answer after ``since``, in seconds."""
        good = sorted(call.ended for call in self.ended if not call.failure and call.ended >= since)
        return max(after - before for before, after in pairwise([since, *good]))


@contextmanager
def calling(
    port: int, body: str, headers: Mapping[str, str], *, callers: int = 8, rate: float = 80
) -> Iterator[Calls]:
    """``callers`` over kept-alive connections, together ``rate`` predictions a second at most."""
    calls = Calls()
    with ThreadPoolExecutor(callers) as pool:
        running = [pool.submit(_call, calls, port, body, headers, callers / rate) for _ in range(callers)]
        try:
            yield calls
        finally:
            calls.stop.set()
    for caller in running:
        caller.result()


def _call(calls: Calls, port: int, body: str, headers: Mapping[str, str], interval: float) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    sent = {"Content-Type": "application/json", **headers}
    while not calls.stop.is_set():
        began = monotonic()
        _leave_closed(connection)
        try:
            connection.request("POST", "/api/predict", body, sent)
            response = connection.getresponse()
            answer = response.read()
            failure = None if response.status == 200 else f"{response.status} {answer.decode()}"
        except (OSError, HTTPException) as error:
            failure = repr(error)
            connection.close()
        calls.ended.append(Call(began, monotonic(), failure))
        calls.stop.wait(interval - (monotonic() - began))
    connection.close()


def _leave_closed(connection: HTTPConnection) -> None:
    """As every client does: a connection that the server has closed in the meantime is not used again."""
    if connection.sock and select.select([connection.sock], [], [], 0)[0]:
        connection.close()
