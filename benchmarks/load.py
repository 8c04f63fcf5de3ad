"""One run of load against one URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np


class LoadError(Exception):
    """The load generator failed, not the server."""


@dataclass(frozen=True)
class Load:
    """Result of ``seconds`` of load.

    ``requests`` counts all answers, whatever their status; ``failures`` counts answers that are not 2xx and
    requests whose connection broke. Latencies are in milliseconds.
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
        """Make it from the latencies of all answers, in seconds."""
        p50, p99 = np.percentile(latencies, (50, 99)) if len(latencies) else (0.0, 0.0)
        return cls(seconds, len(latencies), failures, float(p50) * 1e3, float(p99) * 1e3)


class Generator(Protocol):
    """Load generator that posts what `benchmarks.bodies.write` wrote in turn, with keep-alive."""

    name: str

    def run(
        self, url: str, bodies: Path, *, connections: int, seconds: float, headers: Mapping[str, str]
    ) -> Load:
        """Send as fast as answers come; requests in flight at the end do not count."""
        ...
