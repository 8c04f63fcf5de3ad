"""Attackers, in a process of their own, so that good clients beside them keep their interpreter."""

import asyncio
import multiprocessing
import resource
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

from tests.drills.traffic import LENGTH
from tests.services import PATIENCE

PIECE = 64 * 1024  # bytes sent at a time
SIP = 500  # bytes read at a time by who reads slowly
STOPPED = 0.05  # s between two looks whether to stop


CHUNKED = b"Transfer-Encoding: chunked"


def post(*lines: bytes, path: bytes = b"/api/predict", body: bytes | None = None) -> bytes:
    """A request; without ``body`` its head, whose lines say what follows."""
    length = [] if body is None else [b"Content-Length: %d" % len(body)]
    fields = [b"Host: drill", b"Content-Type: application/json", *lines, *length]
    return b"\r\n".join([b"POST %b HTTP/1.1" % path, *fields, b"", body or b""])


@dataclass
class Tally:
    """What came of the attackers' requests: how often which status or ``closed``, the longest wait in s."""

    answers: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    def note(self, answer: str, seconds: float = 0.0) -> None:
        self.answers[answer] += 1
        self.longest = max(self.longest, seconds)


Attack = Callable[..., Awaitable[None]]


class Attackers:
    """An attack that is under way."""

    def __init__(self, attack: Attack, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_run, args=(other, attack, arguments))
        self._process.start()
        assert self._pipe.poll(PATIENCE)
        self._pipe.recv()  # it has begun

    def wait(self, seconds: float) -> Tally:
        """Until the attack has ended by itself, or is ended after so long."""
        if not self._pipe.poll(seconds):
            self._pipe.send("stop")
        tally: Tally = self._pipe.recv()
        self._process.join(PATIENCE)
        return tally

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join(PATIENCE)


@contextmanager
def attackers(attack: Attack, *arguments: Any) -> Iterator[Attackers]:
    """Run one of the attacks below."""
    under_way = Attackers(attack, arguments)
    try:
        yield under_way
    finally:
        under_way.close()


def _run(pipe: Connection, attack: Attack, arguments: tuple[Any, ...]) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    tally = Tally()
    pipe.send("begun")
    asyncio.run(_until_stopped(pipe, attack(tally, *arguments)))
    pipe.send(tally)


async def _until_stopped(pipe: Connection, attack: Awaitable[None]) -> None:
    task = asyncio.ensure_future(attack)
    while not task.done() and not pipe.poll():
        await asyncio.wait([task], timeout=STOPPED)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


# --- attacks


async def ask(tally: Tally, port: int, data: bytes, source: str = "127.0.6.1") -> None:
    """One request, whose answer's first line is read, whether or not all of it could be sent."""
    began, status = monotonic(), "closed"
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            with closing(writer):
                sending = asyncio.create_task(_send(writer, data))
                line = await reader.readline()
                sending.cancel()
                status = line[9:12].decode() or "closed"
    tally.note(status, monotonic() - began)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):
        for start in range(0, len(data), PIECE):
            writer.write(data[start : start + PIECE])
            await writer.drain()


async def one_by_one(tally: Tally, port: int, requests: Sequence[bytes], rate: float) -> None:
    """All of them again and again, so many a second, each on a connection of its own."""
    async with asyncio.TaskGroup() as group:
        for request in cycle(requests):
            group.create_task(ask(tally, port, request))
            await asyncio.sleep(1 / rate)


async def together(tally: Tally, port: int, requests: Sequence[bytes], number: int, times: int) -> None:
    """So many at a time, each as often as said."""

    async def again(place: int) -> None:
        for request in islice(cycle(requests), place, place + times):
            await ask(tally, port, request)

    await asyncio.gather(*map(again, range(number)))


async def unfinished(
    tally: Tally, port: int, requests: Sequence[tuple[bytes, bytes]], rate: float, seconds: float
) -> None:
    """The beginnings of requests, each behind a whole one or none, held for so long and then left."""

    async def hold(first: bytes, data: bytes) -> None:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.6.1", 0))
            with closing(writer):
                writer.write(first)
                if first:
                    await _answer(reader)
                writer.write(data)
                await asyncio.sleep(seconds)
        tally.note("unfinished")

    async with asyncio.TaskGroup() as group:
        for first, data in requests:
            group.create_task(hold(first, data))
            await asyncio.sleep(1 / rate)


async def dripping(
    tally: Tally, port: int, first: bytes, drop: bytes, number: int, pause: float, sources: int = 64
) -> None:
    """Connections that begin with ``first`` and add ``drop`` after each pause, all at the same moment; they
    come back when closed."""

    async def drip(place: int) -> None:
        source = f"127.0.7.{1 + place % sources}"
        for times in count():
            await asyncio.sleep(pause * (place / number if not times else 1))
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
                with closing(writer):
                    writer.write(first)
                    await _drip(tally, reader, writer, drop, pause)
            tally.note("closed")

    await asyncio.gather(*map(drip, range(number)))


async def _drip(
    tally: Tally, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes, pause: float
) -> None:
    while not reader.at_eof():
        try:
            async with asyncio.timeout(pause - monotonic() % pause):
                if line := await reader.read(PIECE):
                    tally.note(line[9:12].decode())
                    await asyncio.sleep(pause)
        except TimeoutError:
            pass
        writer.write(drop)


async def lingering(tally: Tally, port: int, data: bytes, number: int, spread: float, seconds: float) -> None:
    """Connections of one address that read their answer to its end, leave their half open for so long, and
    come back.

    :param spread: s until all of them have come for the first time.
    """

    async def linger(place: int) -> None:
        await asyncio.sleep(spread * place / number)
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.7.1", 0))
                with closing(writer):
                    writer.write(data)
                    tally.note((await reader.readline())[9:12].decode() or "closed")
                    await reader.read()
                    await asyncio.sleep(seconds)
            await asyncio.sleep(STOPPED)

    await asyncio.gather(*map(linger, range(number)))


async def reading_slowly(tally: Tally, port: int, data: bytes, number: int, pause: float) -> None:
    """Connections with the smallest window that ask a lot at once and read a little after each pause."""

    async def read(place: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(pause * place / number)
        while True:
            with socket.socket() as connection, suppress(OSError):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                connection.setblocking(False)
                await loop.sock_connect(connection, ("127.0.0.1", port))
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await loop.sock_sendall(connection, data)
                while await loop.sock_recv(connection, SIP):
                    await asyncio.sleep(pause)
            tally.note("closed")
            await asyncio.sleep(pause)

    await asyncio.gather(*map(read, range(number)))


async def guessing(tally: Tally, port: int, requests: Sequence[bytes], number: int) -> None:
    """All of them, over so many kept connections that wait for each answer."""

    async def guess(own: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.6.1", 0))
        with closing(writer):
            for request in own:
                began = monotonic()
                writer.write(request)
                tally.note(await _answer(reader), monotonic() - began)

    await asyncio.gather(*(guess(requests[place::number]) for place in range(number)))


async def _answer(reader: asyncio.StreamReader) -> str:
    """Read one answer whole; returns its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    assert length, head
    await reader.readexactly(int(length[1]))
    return head[9:12].decode()
