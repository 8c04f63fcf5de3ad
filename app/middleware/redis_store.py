"""Client of Redis, the shared store, behind a circuit breaker: no request waits for a Redis that is gone."""

import logging
from collections.abc import Callable
from socket import getaddrinfo
from threading import Event, Lock, Thread
from typing import Any, TypeVar

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.exceptions import RedisError
from redis.retry import Retry

from app.middleware.name_lookup import LookUp, NameLookup

log = logging.getLogger(__name__)

TIMEOUT = 0.05  # s
REDIS_EXTENSION = "redis_store"

Result = TypeVar("Result")


class Unavailable(Exception):
    """Redis does not answer, or did not a moment ago."""


def redis_store(app: Flask) -> "RedisStore | None":
    """The one store of ``app``, or None without ``REDIS_URL``."""
    url = app.config["REDIS_URL"]
    if url and REDIS_EXTENSION not in app.extensions:
        app.extensions[REDIS_EXTENSION] = RedisStore(url)
    store: RedisStore | None = app.extensions.get(REDIS_EXTENSION)
    return store


class RedisStore:
    """A Redis client behind a circuit breaker.

    A call takes at most 0.05 s each to look up the name, to connect and to answer, with no retries:
    redis-py's own defaults wait for seconds. After a failure no request tries again until a thread, which
    probes once a second, has found that Redis takes writes: an outage costs one request its 50 ms and the
    others nothing.

    :param pause: seconds between the thread's attempts.
    :param look_up: finds the addresses of a host's name.
    """

    def __init__(self, url: str, *, pause: float = 1.0, look_up: LookUp = getaddrinfo) -> None:
        self.client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            **_connections(url, NameLookup(look_up)),
        )
        self.available = True
        self._pause = pause
        self._lock = Lock()
        self._closed = Event()

    def call(self, command: Callable[[Redis], Result]) -> Result:
        """Run ``command`` on the client.

        :raises Unavailable: if Redis fails now, or failed and has not recovered since.
        """
        if not self.available:
            raise Unavailable
        try:
            return command(self.client)
        except RedisError as error:
            self._fail(f"{type(error).__name__}: {error}")
            raise Unavailable from error

    def close(self) -> None:
        """Stop probing, and close the connections."""
        self._closed.set()
        self.client.close()

    def _fail(self, reason: str) -> None:
        with self._lock:
            if not self.available:
                return
            self.available = False
        log.warning("redis is unavailable", extra={"reason": reason})
        Thread(target=self._recover, name="redis-recovery", daemon=True).start()

    def _recover(self) -> None:
        while not self._closed.wait(self._pause):
            try:
                # A write, because a replica or a full Redis answers PING and rejects everything useful.
                self.client.set("probe", 1, px=1000)
            except RedisError:
                continue
            self.available = True
            log.warning("redis is available again")
            return


def _connections(url: str, names: NameLookup) -> dict[str, Any]:
    """Options by which a client waits no longer for a name than for anything else."""
    kind = {"redis": Connection, "rediss": SSLConnection}.get(url.partition(":")[0])
    if kind is None:  # a socket in the file system
        return {}

    class NamedConnection(kind):  # type: ignore[misc, valid-type] # chosen above
        def _connect(self) -> Any:
            names.wait(self.host, self.port, seconds=TIMEOUT)
            return super()._connect()

    return {"connection_class": NamedConnection}
