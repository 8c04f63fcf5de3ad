"""One run of load against one URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np


class LoadError(Exception):
    """The load generator itself did not work."""


@dataclass(frozen=True)
class Load:
    """What came back in ``seconds`` of load.

    ``requests`` are those answered, whatever the status; ``failures`` the answers that were not 2xx
    and the requests whose connection broke. Latencies are in milliseconds.
    """

    seconds: float
    requests: int
    failures: int
    p50_ms: float
    p99_ms: float

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.seconds

    @classmethod
    def of(cls, latencies: Sequence[float], *, failures: int, seconds: float) -> Self:
        """From the latency of each answered request, in seconds."""
        p50, p99 = np.percentile(latencies, (50, 99)) if len(latencies) else (0.0, 0.0)
        return cls(seconds, len(latencies), failures, float(p50) * 1e3, float(p99) * 1e3)


class Generator(Protocol):
    """Posts the bodies of a file (one a line) in turn, over connections that are kept alive."""

    name: str

    def run(
        self, url: str, bodies: Path, *, connections: int, seconds: float, headers: Mapping[str, str]
    ) -> Load:
        """Send as fast as the answers come; a request in flight at the end is not counted."""
        ...
