"""The shared store, Redis, as something that may be gone at any moment and must not be waited for."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

TIMEOUT = 0.05
PAUSE = 1.0
EXTENSION = "redis_store"

Result = TypeVar("Result")


class Unavailable(Exception):
    """Redis does not answer, or did not a moment ago."""


def redis_store(app: Flask) -> "RedisStore | None":
    """The store of ``app``, the same for all who ask, or None without ``REDIS_URL``."""
    if not app.config["REDIS_URL"]:
        return None
    store: RedisStore = app.extensions.setdefault(EXTENSION, RedisStore(app.config["REDIS_URL"]))
    return store


class RedisStore:
    """A Redis client behind a circuit breaker.

    A call takes at most 0.05 s to connect and 0.05 s to answer, with no retries: redis-py's own defaults
    wait for seconds. After a failure nobody asks again for a second, so an outage costs one request its
    50 ms and the others nothing, and Redis is in use again a second after it is back.

    :param clock: seconds, monotonic.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = monotonic) -> None:
        self.client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._clock = clock
        self._closed_until = 0.0

    @property
    def available(self) -> bool:
        """False for a second after a failure."""
        return self._clock() >= self._closed_until

    def call(self, command: Callable[[Redis], Result]) -> Result:
        """Run ``command`` on the client.

        :raises Unavailable: if Redis fails now or did so within the last second.
        """
        if not self.available:
            raise Unavailable
        try:
            return command(self.client)
        except RedisError as error:
            self._closed_until = self._clock() + PAUSE
            log.warning("redis is unavailable", extra={"reason": f"{type(error).__name__}: {error}"})
            raise Unavailable from error
