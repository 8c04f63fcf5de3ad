"""What the processes of a service hold in memory."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import sleep

import psutil

LOOK = 0.05  # s between two looks
SETTLED = 0.5  # s without growth, after which a worker has started


def resident(service) -> int:
    """Bytes that all workers hold together."""
    return sum(psutil.Process(pid).memory_info().rss for pid in service.workers())


def slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """The line through samples of (seconds, bytes): its rise a second, and the standard error of that."""
    number = len(samples)
    middle, level = (sum(column) / number for column in zip(*samples, strict=True))
    spread = sum((at - middle) ** 2 for at, _ in samples)
    rise = sum((at - middle) * (size - level) for at, size in samples) / spread
    rest = sum((size - level - rise * (at - middle)) ** 2 for at, size in samples)
    return rise, (rest / (number - 2) / spread) ** 0.5


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


class Peak:
    """The most that a worker held, in proportion to what it held at the beginning."""

    def __init__(self, service) -> None:
        before: dict[int, int] = {}
        while not _alike(before, now := _held(service)):
            before = now
            sleep(SETTLED)
        self._idle = now
        self.times = 1.0

    def look(self) -> None:
        """Take what is held now into account."""
        for pid, idle in self._idle.items():
            with suppress(psutil.NoSuchProcess):
                self.times = max(self.times, psutil.Process(pid).memory_info().rss / idle)


def _held(service) -> dict[int, int]:
    return {pid: psutil.Process(pid).memory_info().rss for pid in service.workers()}


def _alike(before: dict[int, int], now: dict[int, int]) -> bool:
    return before.keys() == now.keys() and all(now[pid] < size * 1.01 for pid, size in before.items())


@contextmanager
def peak(service) -> Iterator[Peak]:
    """Look at the workers all the time, from when they hold no more than half a second before."""
    highest, ended = Peak(service), Event()

    def watch() -> None:
        while not ended.wait(LOOK):
            highest.look()

    thread = Thread(target=watch)
    thread.start()
    try:
        yield highest
    finally:
        ended.set()
        thread.join()
