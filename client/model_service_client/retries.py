"""Retries and time limits of urllib3, within a deadline."""

from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from types import TracebackType
from typing import Any

from urllib3 import Retry, Timeout
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError

CONNECT = 5.0  # seconds that a connection may take to open
LEAST = 0.001  # seconds: a socket takes no time limit of zero
# Statuses by which the service, or a proxy before it, says that another time will do.
AGAIN = frozenset((429, 502, 503, 504))
# The first retry is immediate, those that follow wait 0.2, 0.4, 0.8 … seconds, and up to 0.1 more.
BACKOFF = {"backoff_factor": 0.1, "backoff_max": 2.0, "backoff_jitter": 0.1}


class Deadline(Timeout):
    """Until when, on the clock, a call must have ended: each attempt has the time that is left."""

    def __init__(self, at: float, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._at = at
        self._clock = clock

    def clone(self) -> Timeout:
        """The limits of the attempt that begins now."""
        left = max(self._at - self._clock(), LEAST)
        return Timeout(connect=min(CONNECT, left), read=left)


class Attempts(Retry):
    """Attempts that are left, of any method: what the client asks for may be asked twice.

    Waits as long as ``Retry-After`` says, else ever longer; gives up at once where the wait would end after
    the ``deadline``.
    """

    RETRY_AFTER_STATUS_CODES = frozenset()  # none besides those of ``status_forcelist``

    def __init__(
        self,
        total: int,
        *,
        deadline: float,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
        **options: Any,
    ) -> None:
        own = {"allowed_methods": None, "status_forcelist": AGAIN, "raise_on_status": False, "other": 0}
        super().__init__(total, **(own | BACKOFF | options))
        self._deadline, self._clock, self._pause = deadline, clock, pause

    def new(self, **changed: Any) -> "Attempts":
        """These with some changes."""
        return super().new(deadline=self._deadline, clock=self._clock, pause=self._pause, **changed)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> "Attempts":
        """Those that are left after a failed one.

        :raises MaxRetryError: if there are none, or no time.
        """
        left = super().increment(method, url, response, error, _pool, _stacktrace)
        if self._clock() + left.wait(response) >= self._deadline:
            reason = error or ResponseError(ResponseError.GENERIC_ERROR)
            raise MaxRetryError(_pool, url or "", reason)  # type: ignore[arg-type] # as urllib3 itself does
        return left

    def wait(self, response: Any = None) -> float:
        """Seconds until the next attempt."""
        if response is not None:
            with suppress(InvalidHeader, ValueError, OverflowError):
                if (seconds := self.get_retry_after(response)) is not None:
                    return seconds
        return self.get_backoff_time()

    def sleep(self, response: Any = None) -> None:
        """Wait until the next attempt."""
        if (seconds := self.wait(response)) > 0:
            self._pause(seconds)
