"""Counts the rows that one key, or else one client network, has predicted."""

from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import ceil
from threading import Lock
from time import monotonic

from flask import Flask, current_app
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import Redis

from app.exceptions import RateLimitExceeded
from app.middleware.rate_limit.memory_windows import MAX_KEYS
from app.middleware.rate_limit.rate_limiter import limited_client
from app.middleware.rate_limit.redis_windows import KEY_PREFIX
from app.middleware.redis_store import RedisStore, Unavailable, redis_store
from app.settings.rate_limits import Limit, Window, parse_limit

ROW_LIMIT = "row_limit"
MOST_PARTS = 256  # of a window: whatever a key asks, its log stays short


class RowLog:
    """Rows of one key in one window: how many at which times, the oldest first."""

    def __init__(self) -> None:
        self._parts: deque[tuple[float, int]] = deque()
        self._total = 0

    def wait(self, window: Window, rows: int, now: float) -> float:
        """Seconds until so many rows more fit; 0 if they do now."""
        while self._parts and now - self._parts[0][0] >= window.seconds:
            self._total -= self._parts.popleft()[1]
        over = self._total + rows - window.amount
        if over <= 0:
            return 0.0
        for counted, count in self._parts:
            if (over := over - count) <= 0:
                return counted + window.seconds - now
        return float(window.seconds)  # more rows than the window ever holds

    def add(self, window: Window, rows: int, now: float) -> None:
        """Count rows, together with those of a moment ago, which then leave the window no earlier."""
        self._total += rows
        if self._parts and now - self._parts[-1][0] < window.seconds / MOST_PARTS:
            rows += self._parts.pop()[1]
        self._parts.append((now, rows))


class MemoryRows:
    """Rows in the windows of one process, by key; the least recently seen key is dropped beyond `MAX_KEYS`.

    :param clock: seconds, monotonic.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._logs: OrderedDict[str, tuple[RowLog, ...]] = OrderedDict()

    def waits(self, limit: Limit, key: str, rows: int) -> list[float]:
        """Seconds until the rows fit into each window; if they fit into all of them, count them."""
        with self._lock:
            now = self._clock()
            logs = self._logs.setdefault(limit.name + key, tuple(RowLog() for _ in limit.windows))
            self._logs.move_to_end(limit.name + key)
            if len(self._logs) > MAX_KEYS:
                self._logs.popitem(last=False)
            pairs = list(zip(limit.windows, logs, strict=True))
            waits = [log.wait(window, rows, now) for window, log in pairs]
            if not any(waits):
                for window, log in pairs:
                    log.add(window, rows, now)
            return waits


class RedisRows:
    """The same for all processes that share a Redis, by the counters of the library ``limits``: those of this
    window and the last, the last by the share of it that is still within ``seconds``."""

    def __init__(self, client: Redis) -> None:
        storage = RedisStorage("redis://", connection_pool=client.connection_pool)
        self._windows = SlidingWindowCounterRateLimiter(storage)

    def waits(self, client: Redis, limit: Limit, key: str, rows: int) -> list[float]:
        """As `MemoryRows.waits`, at the rate that a window refills at.

        :raises RedisError: if Redis does not answer.
        """
        items = [RateLimitItemPerSecond(*window, namespace=f"{KEY_PREFIX}rows") for window in limit.windows]
        room = [self._windows.test(item, key, cost=rows) for item in items]
        if all(room):  # meanwhile another process may take it
            room = [self._windows.hit(item, key, cost=rows) for item in items]
        return [
            0.0 if has_room else max(1.0, window.seconds * min(1.0, rows / window.amount))
            for window, has_room in zip(limit.windows, room, strict=True)
        ]


class RowLimit:
    """Counts in Redis as long as it answers, else in this process, which gets its share of the limit."""

    def __init__(self, limit: Limit, store: RedisStore | None, *, workers: int) -> None:
        self._limit = limit
        self._share = limit.share(workers)
        self._store = store
        self._redis = RedisRows(store.client) if store else None
        self._memory = MemoryRows()

    def count(self, rows: int) -> None:
        """Count the rows of the running request.

        :raises RateLimitExceeded: if its key or network may not predict as many now.
        """
        limit_of, name = limited_client()
        seconds, window = max(zip(self._waits(f"{limit_of}:{name}", rows), self._limit.windows, strict=True))
        if seconds > 0:
            retry_after = ceil(seconds)
            message = f"Too many rows, of {window.amount} in this time; try again in {retry_after} s"
            raise RateLimitExceeded(
                limit=window.amount, limit_of=limit_of, retry_after=retry_after, message=message
            )

    def _waits(self, key: str, rows: int) -> list[float]:
        if self._store and self._redis:
            with suppress(Unavailable):
                return self._store.call(partial(self._redis.waits, limit=self._limit, key=key, rows=rows))
        return self._memory.waits(self._share, key, rows)


def count_rows(rows: int) -> None:
    """Count the rows of the running request towards ``RATE_LIMIT_ROWS``.

    :raises RateLimitExceeded: if its key or network may not predict as many now.
    """
    if current_app.config["RATE_LIMIT_ROWS"]:
        row_limit(current_app).count(rows)


def row_limit(app: Flask) -> RowLimit:
    """The one limit of ``app``, which has a ``RATE_LIMIT_ROWS``."""
    if ROW_LIMIT not in app.extensions:
        limit = parse_limit(app.config["RATE_LIMIT_ROWS"])
        app.extensions[ROW_LIMIT] = RowLimit(limit, redis_store(app), workers=app.config["WORKERS"])
    found: RowLimit = app.extensions[ROW_LIMIT]
    return found
