"""Canary decision: whether a canary does worse than the champion, by requests, errors and times of both."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any

# 10 µs to about 20 s, each a quarter above the one before.
BOUNDS = tuple(1e-5 * 1.25**step for step in range(66))
NEGLIGIBLE = 0.001  # s: a canary as quick as this is never too slow
WINDOW = 60.0  # s: requests older than twice this count no more, once there are enough newer ones

# Standard deviations by which more requests than one in twenty must be slow: of a hundred, twelve. Without it
# two versions that are alike part sooner or later, because every worker decides twice a second.
CERTAINTY = 3.0

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class CanaryLimits:
    """Limits at which a canary ends.

    :param min_requests: of the canary, and for latency of the champion too, before anything is concluded.
    :param max_error_rate: how much higher than the champion's the canary's share of errors may be.
    :param max_latency_ratio: how many times the champion's 95th percentile the canary's may be.
    """

    min_requests: int = 100
    max_error_rate: float = 0.05
    max_latency_ratio: float = 2.0


@dataclass
class Tally:
    """Requests of one version. ``times`` counts those that succeeded by `BOUNDS`."""

    requests: int = 0
    errors: int = 0
    times: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    def add(self, *, seconds: float | None, failed: bool) -> None:
        """Count a request; without ``seconds`` if they tell nothing about the version."""
        self.requests += 1
        self.errors += failed
        if seconds is not None and not failed:
            self.times[bisect_left(BOUNDS, seconds)] += 1

    @property
    def error_rate(self) -> float:
        """Share of requests that failed, 0 without any."""
        return self.errors / self.requests if self.requests else 0.0

    def p95(self) -> float:
        """The 95th percentile in seconds: the upper bound of its class, a quarter too high at most."""
        rank, seen = 0.95 * sum(self.times), 0
        for bound, number in zip(BOUNDS, self.times, strict=False):
            seen += number
            if seen >= rank:
                return bound
        return BOUNDS[-1]

    def slower_than(self, seconds: float) -> int:
        """Successful requests that took longer, or are in the same class."""
        return sum(self.times[bisect_right(BOUNDS, seconds) :])

    def to_dict(self) -> dict[str, Any]:
        """As workers report it to each other."""
        return {"requests": self.requests, "errors": self.errors, "times": self.times}


def total(tallies: Iterable[Mapping[str, Any]]) -> Tally:
    """The sum of what workers reported."""
    whole = Tally()
    for tally in tallies:
        whole.requests += tally["requests"]
        whole.errors += tally["errors"]
        whole.times = [mine + other for mine, other in zip(whole.times, tally["times"], strict=True)]
    return whole


class CanaryTallies:
    """The tallies of this process by role, of at most the last two minutes.

    Earlier requests count too until the canary has had ``min_requests``.
    """

    def __init__(self, limits: CanaryLimits, *, clock: Callable[[], float] = monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._began = clock()
        self._now = {CHAMPION: Tally(), CHALLENGER: Tally()}
        self._before = {CHAMPION: Tally(), CHALLENGER: Tally()}

    def add(self, role: str, *, seconds: float | None, failed: bool) -> None:
        """Count a request of the champion or the challenger."""
        with self._lock:
            self._now[role].add(seconds=seconds, failed=failed)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The tallies that count, by role."""
        with self._lock:
            enough = self._now[CHALLENGER].requests >= self._limits.min_requests
            if enough and self._clock() - self._began > WINDOW:
                self._before, self._began = self._now, self._clock()
                self._now = {CHAMPION: Tally(), CHALLENGER: Tally()}
            return {
                role: total([self._before[role].to_dict(), tally.to_dict()]).to_dict()
                for role, tally in self._now.items()
            }


def decide(champion: Tally, canary: Tally, limits: CanaryLimits) -> str | None:
    """Why the canary must end, or None."""
    if canary.requests < limits.min_requests:
        return None
    if canary.error_rate - champion.error_rate > limits.max_error_rate:
        return f"error rate {canary.error_rate:.1%} against {champion.error_rate:.1%} of the champion"
    number = sum(canary.times)
    if min(number, sum(champion.times)) < limits.min_requests:
        return None
    slow, usual = canary.p95(), champion.p95()
    beyond = canary.slower_than(max(NEGLIGIBLE, usual * limits.max_latency_ratio))
    if beyond > 0.05 * number + CERTAINTY * (0.05 * 0.95 * number) ** 0.5:
        return f"95th percentile {slow * 1000:.2f} ms against {usual * 1000:.2f} ms of the champion"
    return None
