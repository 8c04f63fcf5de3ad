"""Good clients: predictions at a steady rate, whether or not those before were answered (open loop)."""

import asyncio
import json
import re
import statistics
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import Any

ROW = json.dumps({"features": [1, 1, 1]})
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
PATIENCE = 30.0  # s
CRLF = "\r\n"


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    :param due: when it was to be sent, on the monotonic clock.
    :param seconds: from then until its answer was whole, so that waiting for one's turn counts.
    :param status: None if there was no answer; ``fault`` says why.
    """

    due: float
    seconds: float
    status: int | None = None
    retry_after: str | None = None
    fault: str = ""

    @property
    def good(self) -> bool:
        return self.status == 200

    @property
    def refused(self) -> bool:
        """Refused in order: the client is told when to come back."""
        return self.status in (429, 503) and self.retry_after is not None


@dataclass
class Traffic:
    """Requests at ``rate`` a second, each over a connection that is idle, or else a new one.

    :param keep: whether connections are kept; else each request has a new one.
    """

    port: int
    rate: float
    source: str = "127.0.0.1"
    body: str = ROW
    key: str = ""
    keep: bool = True
    outcomes: list[Outcome] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.message = (
            f"POST /api/predict HTTP/1.1\r\nHost: drill\r\nContent-Type: application/json\r\n"
            f"{f'X-API-Key: {self.key}' + CRLF if self.key else ''}"
            f"Content-Length: {len(self.body)}\r\n\r\n{self.body}"
        ).encode()
        self.ended = Event()
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    def run(self) -> None:
        """Send until `ended` is set, and wait for what is under way."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        began, sent, tasks = monotonic(), 0, set()
        while not self.ended.is_set():
            due = began + sent / self.rate
            await asyncio.sleep(max(0, due - monotonic()))
            task = asyncio.create_task(self._send(due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.gather(*tasks)
        for _, writer in self._idle:
            writer.close()

    async def _send(self, due: float) -> None:
        status = retry_after = None
        fault = ""
        try:
            async with asyncio.timeout(PATIENCE):
                status, retry_after = await self._exchange()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            fault = repr(error)
        self.outcomes.append(Outcome(due, monotonic() - due, status, retry_after, fault))

    async def _exchange(self) -> tuple[int, str | None]:
        reader, writer = await self._connection()
        try:
            writer.write(self.message)
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            assert length, head
            await reader.readexactly(int(length[1]))
        except BaseException:
            writer.close()
            raise
        if CLOSE.search(head) or not self.keep:
            writer.close()
        else:
            self._idle.append((reader, writer))
        after = RETRY_AFTER.search(head)
        return int(head.split()[1]), after[1].decode() if after else None

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The connection that has been idle longest, so that none is for long; a new one if there is none."""
        while self._idle:
            reader, writer = self._idle.popleft()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.source, 0))

    # --- what came of it

    def since(self, start: float, end: float = float("inf")) -> list[Outcome]:
        """Of the requests that were due in that time."""
        return [outcome for outcome in list(self.outcomes) if start <= outcome.due < end]

    def failed(self) -> list[Outcome]:
        """All that were not answered as asked."""
        return [outcome for outcome in list(self.outcomes) if not outcome.good]


@contextmanager
def traffic(port: int, *, rate: float, **options: Any) -> Iterator[Traffic]:
    """Good clients beside what the test does; at its end all their requests are answered or have failed."""
    clients = Traffic(port, rate, **options)
    thread = Thread(target=clients.run)
    thread.start()
    try:
        yield clients
    finally:
        clients.ended.set()
        thread.join()


def percentile(outcomes: Sequence[Outcome], percent: int) -> float:
    """Of the times, in seconds."""
    return statistics.quantiles((outcome.seconds for outcome in outcomes), n=100)[percent - 1]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def kinds(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many ended how."""
    return dict(Counter(str(outcome.status or outcome.fault) for outcome in outcomes))
