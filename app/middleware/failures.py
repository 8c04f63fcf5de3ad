"""Failed attempts to authenticate, limited per address."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import time

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.exceptions import RateLimitExceeded

PRUNE_ABOVE = 10_000


class FailureLimit:
    """Refuses an address that has failed too often, before its next key or token is looked at.

    Counted in this process: each worker has a count of its own. Addresses of one IPv6 network (/64) count as
    one, as a single machine may use them all.

    :param clock: seconds since the epoch.
    """

    def __init__(self, limit: str, *, clock: Callable[[], float] = time) -> None:
        self._limit = parse(limit)
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._clock = clock
        self._refused_until: dict[str, float] = {}

    def check(self, address: str) -> None:
        """Pass, at the cost of one look at an empty dictionary, unless somebody has failed too often.

        :raises RateLimitExceeded: if it was this address.
        """
        if not self._refused_until:
            return
        origin = origin_of(address)
        left = self._refused_until.get(origin, 0.0) - self._clock()
        if left > 0:
            raise RateLimitExceeded(
                retry_after=ceil(left), message="Too many failed attempts from this address"
            )
        self._refused_until.pop(origin, None)

    def count(self, address: str) -> None:
        """Note a failure."""
        origin = origin_of(address)
        self._window.hit(self._limit, origin)
        stats = self._window.get_window_stats(self._limit, origin)
        if stats.remaining <= 0:
            if len(self._refused_until) >= PRUNE_ABOVE:
                now = self._clock()
                self._refused_until = {o: until for o, until in self._refused_until.items() if until > now}
            self._refused_until[origin] = stats.reset_time


def origin_of(address: str) -> str:
    """The address, or its network of 64 bits if it is an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
