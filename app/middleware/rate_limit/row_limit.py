"""Counts the rows that one key, or else one client network, has predicted."""

from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import ceil
from threading import Lock
from time import monotonic

from flask import Flask, current_app
from limits.storage import RedisStorage
from redis import Redis

from app.exceptions import RateLimitExceeded
from app.middleware.rate_limit.memory_windows import MAX_KEYS
from app.middleware.rate_limit.rate_limiter import limited_client
from app.middleware.rate_limit.redis_windows import KEY_PREFIX
from app.middleware.redis_store import RedisStore, Unavailable, redis_store
from app.settings.rate_limits import Limit, Window, parse_limit

ROW_LIMIT = "row_limit"


class MemoryRows:
    """Rows in the windows of one process, by key; the least recently seen key is dropped beyond `MAX_KEYS`.

    :param clock: seconds, monotonic.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._requests: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()

    def wait(self, window: Window, key: str, rows: int) -> float:
        """Count the rows and return 0, or the seconds until they fit, and count none."""
        with self._lock:
            now = self._clock()
            requests = self._requests.setdefault(f"{window.amount}/{window.seconds}/{key}", deque())
            self._requests.move_to_end(f"{window.amount}/{window.seconds}/{key}")
            if len(self._requests) > MAX_KEYS:
                self._requests.popitem(last=False)
            while requests and now - requests[0][0] >= window.seconds:
                requests.popleft()
            over = sum(count for _, count in requests) + rows - window.amount
            if over <= 0:
                requests.append((now, rows))
                return 0.0
            for started, count in requests:
                if (over := over - count) <= 0:
                    return started + window.seconds - now
            return float(window.seconds)  # more rows than the window ever holds


class RedisRows:
    """The same for all processes that share a Redis, by the counters of the library ``limits``: those of this
    window and the last, the last by the share of it that is still within ``seconds``."""

    def __init__(self, client: Redis) -> None:
        self._storage = RedisStorage("redis://", connection_pool=client.connection_pool)

    def wait(self, client: Redis, window: Window, key: str, rows: int) -> float:
        """As `MemoryRows.wait`, at the rate that the window refills at.

        :raises RedisError: if Redis does not answer.
        """
        name = f"{KEY_PREFIX}rows:{key}/{window.amount}/{window.seconds}"
        if self._storage.acquire_sliding_window_entry(name, window.amount, window.seconds, rows):
            return 0.0
        return max(1.0, window.seconds * min(1.0, rows / window.amount))


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
        waits = [(self._wait(i, f"{limit_of}:{name}", rows), i) for i in range(len(self._limit.windows))]
        seconds, position = max(waits)
        if seconds > 0:
            amount, retry_after = self._limit.windows[position].amount, ceil(seconds)
            message = f"Too many rows, of {amount} in this time; try again in {retry_after} s"
            raise RateLimitExceeded(limit=amount, limit_of=limit_of, retry_after=retry_after, message=message)

    def _wait(self, position: int, key: str, rows: int) -> float:
        if self._store and self._redis:
            window = self._limit.windows[position]
            with suppress(Unavailable):
                return self._store.call(partial(self._redis.wait, window=window, key=key, rows=rows))
        return self._memory.wait(self._share.windows[position], key, rows)


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
