"""Lockout after failed attempts to authenticate, per client network."""

from collections.abc import Callable
from time import monotonic

from app.exceptions import RateLimitExceeded
from app.middleware.client_network import client_network
from app.middleware.rate_limit.memory_windows import MemoryWindows
from app.settings.rate_limits import parse_limit


class FailureLimit:
    """Answers 429 to wrong keys and tokens of a client network that sent too many; valid ones always pass.

    Counted in this process, in as much memory as `MemoryWindows` takes.
    """

    def __init__(self, limit: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._limit = parse_limit(limit)
        self._windows = MemoryWindows(clock=clock)

    def count(self, client_ip: str) -> None:
        """Count a failure.

        :raises RateLimitExceeded: if there were too many already; then the failure is not counted.
        """
        decision = self._windows.hit(self._limit, client_network(client_ip))
        if not decision.allowed:
            message = "Too many failed attempts from this address"
            raise RateLimitExceeded(retry_after=decision.reset, message=message)
