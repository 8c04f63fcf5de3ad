"""Moving windows in the memory of one process: at most so many requests in any stretch of so many seconds.

That of the library ``limits`` is not used: it never drops a key (200,000 addresses stay 200,000 entries) and
starts a thread every 10 ms under load.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from math import ceil
from threading import Lock
from time import monotonic

from app.middleware.rate_limit.decision import RateLimitDecision, allow, reject
from app.settings.rate_limits import Limit

MAX_KEYS = 10_000


class MemoryWindows:
    """The windows of one process: the times of the requests that each key was allowed.

    The least recently seen key is dropped beyond ``max_keys``, so that strangers cannot fill the memory.

    :param clock: seconds, monotonic.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._lock = Lock()
        self._times: OrderedDict[str, tuple[deque[float], ...]] = OrderedDict()

    def hit(self, limit: Limit, key: str) -> RateLimitDecision:
        """Count a request in all windows of ``limit``, or in none if one of them is full."""
        name = limit.name + key
        with self._lock:
            now = self._clock()
            logs = self._times.get(name) or self._add(name, len(limit.windows))
            self._times.move_to_end(name)
            full = False
            for (amount, seconds), log in zip(limit.windows, logs, strict=True):
                while log and now - log[0] >= seconds:
                    log.popleft()
                full = full or len(log) >= amount
            pairs = zip(limit.windows, logs, strict=True)
            if full:
                return reject(
                    (w.amount, log[0] + w.seconds - now) for w, log in pairs if len(log) >= w.amount
                )
            for log in logs:
                log.append(now)
            if len(logs) == 1:  # nearly always, and worth 1 µs
                (amount, seconds), log = limit.windows[0], logs[0]
                return RateLimitDecision(True, amount, amount - len(log), ceil(log[0] + seconds - now))
            return allow((w.amount, len(log), log[0] + w.seconds - now) for w, log in pairs)

    def _add(self, name: str, windows: int) -> tuple[deque[float], ...]:
        if len(self._times) >= self._max_keys:
            self._times.popitem(last=False)
        logs = self._times[name] = tuple(deque() for _ in range(windows))
        return logs
