"""Request rate of the last minute over all workers: a ring of counts in each worker's slot."""

import mmap
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from time import time

RING = 64  # seconds; more than the minute of the rate
WINDOW = 60
ENTRY = struct.Struct("qq")  # the second, in seconds since 1970, and the requests in it
SIZE = RING * ENTRY.size


class RecentRequests:
    """The ring of this process.

    :param descriptor: file that others can read, or -1 for memory of this process.
    """

    def __init__(self, descriptor: int = -1, *, clock: Callable[[], float] = time) -> None:
        if descriptor >= 0:
            os.truncate(descriptor, SIZE)
        self.ring = mmap.mmap(descriptor, SIZE)
        self._clock = clock
        self._lock = Lock()

    def count(self) -> None:
        """Count a request."""
        second = int(self._clock())
        offset = second % RING * ENTRY.size
        with self._lock:
            then, requests = ENTRY.unpack_from(self.ring, offset)
            entry = ENTRY.pack(second, requests + 1 if then == second else 1)
            self.ring[offset : offset + ENTRY.size] = entry  # at once: other processes read it


def per_second(rings: Iterable[bytes], *, now: float, started: float) -> float:
    """Requests per second over the last 60 seconds, or since the start if that is more recent."""
    recent = range(int(now) - WINDOW + 1, int(now) + 1)
    requests = sum(n for ring in rings for second, n in ENTRY.iter_unpack(ring) if second in recent)
    return float(requests / min(WINDOW, max(1.0, now - started)))


def read(directory: Path) -> list[bytes]:
    """The rings of all slots, also of workers that have died."""
    rings = (file.read_bytes() for file in directory.glob("slot_*"))
    return [ring for ring in rings if len(ring) == SIZE]
