"""Failed attempts to authenticate, limited per address."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic

from app.exceptions import RateLimitExceeded
from app.middleware.rate_limit.windows import MemoryWindows, parse_limit


class FailureLimit:
    """Answers 429 to wrong keys and tokens of an address that has sent too many; a valid one always passes.

    Counted in this process, in as much memory as `MemoryWindows` takes. Addresses of one IPv6 network (/64)
    count as one, as a single machine may use them all.

    :param clock: seconds, monotonic.
    """

    def __init__(self, limit: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._limit = parse_limit(limit)
        self._windows = MemoryWindows(clock=clock)

    def count(self, address: str) -> None:
        """Note a failure.

        :raises RateLimitExceeded: if there were too many already; this one is not counted.
        """
        verdict = self._windows.hit(self._limit, origin_of(address))
        if not verdict.artifact:
            message = "Too many failed attempts from this address"
            raise RateLimitExceeded(retry_after=verdict.reset, message=message)


def origin_of(address: str) -> str:
    """The address, or its network of 64 bits if it is an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket has none
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
