"""How often a caller may ask: per key, or else per address."""

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv6Address
from time import monotonic, time
from typing import Any

from flask import Flask, Response, g, request

from app.exceptions import RateLimitExceeded
from app.middleware.rate_limit.windows import (
    Limit,
    MemoryWindows,
    RateLimitDecision,
    RedisWindows,
    parse_limit,
)
from app.middleware.redis_store import RedisStore, Unavailable, redis_store
from app.middleware.route_table import ROUTE_TABLE, RouteTable

log = logging.getLogger(__name__)

VERDICT = "service.rate_limit"
ADMIN_BUCKET = "admin:"


class RateLimiter:
    """Counts in Redis as long as it answers, else in this process, which gets its share of the limit.

    :param store: None to count in this process only.
    :param workers: processes that share the limits.
    """

    def __init__(
        self,
        store: RedisStore | None = None,
        *,
        workers: int = 1,
        clock: Callable[[], float] = monotonic,
        wall_clock: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._redis = RedisWindows(store.client, clock=wall_clock) if store else None
        self._memory = MemoryWindows(clock=clock)
        self._share = lru_cache(maxsize=1024)(lambda limit: limit.share(workers))

    def hit(self, limit: Limit, key: str) -> RateLimitDecision:
        """Count a request of ``key``, unless it exceeds ``limit``."""
        if self._store and self._redis:
            try:
                return self._store.call(partial(self._redis.hit, limit=limit, key=key))
            except Unavailable:
                pass
        return self._memory.hit(self._share(limit), key)


class RateLimitHooks:
    """The hooks of one app."""

    def __init__(self, limiter: RateLimiter, *, default: str, admin: str, routes: RouteTable) -> None:
        self._limiter = limiter
        self._routes = routes
        self._default = parse_limit(default) if default else None
        self._admin = parse_limit(admin) if admin else None

    def check(self) -> None:
        """Count the request.

        :raises RateLimitExceeded: if its caller has none left.
        """
        environ = request.environ
        path = environ["PATH_INFO"]
        # A preflight carries no key, and would use up what the address has for those without one.
        if path in self._routes.exempt or environ["REQUEST_METHOD"] == "OPTIONS":
            return
        caller = g.get("principal")
        if caller is not None and caller.id is not None:
            key = f"key:{caller.id}"
        else:  # callers without a key do not share one bucket
            key = address_key(environ.get("REMOTE_ADDR") or "")
        if self._routes.is_administrative(path):
            limit, key = self._admin, f"{ADMIN_BUCKET}{key}"
        else:
            limit = self._limit_of(caller)
        if limit is None:
            return
        verdict = environ[VERDICT] = self._limiter.hit(limit, key)
        if not verdict.artifact:
            limit_of = key.removeprefix(ADMIN_BUCKET).partition(":")[0]
            raise RateLimitExceeded(limit=verdict.amount, limit_of=limit_of, retry_after=verdict.reset)

    def announce(self, response: Response) -> Response:
        """Tell the caller what is left."""
        verdict: RateLimitDecision | None = request.environ.get(VERDICT)
        if verdict is not None:
            headers = response.headers
            headers.add("RateLimit-Limit", str(verdict.amount))
            headers.add("RateLimit-Remaining", str(verdict.remaining))
            headers.add("RateLimit-Reset", str(verdict.reset))
        return response

    def _limit_of(self, caller: Any) -> Limit | None:
        if caller is None or not caller.rate_limit:
            return self._default
        try:
            return parse_limit(caller.rate_limit)
        except ValueError:
            log.error("the rate limit of a key is none", extra={"key": caller.id, "limit": caller.rate_limit})
            return self._default


@lru_cache(maxsize=4096)
def address_key(address: str) -> str:
    """The bucket of an address; of IPv6 the network of 64 bits, which one subscriber has to himself."""
    if ":" in address:
        try:
            whole = IPv6Address(address.partition("%")[0])
        except ValueError:
            return f"address:{address[:64]}"
        address = str(whole.ipv4_mapped or IPv6Address(int(whole) >> 64 << 64))
    return f"address:{address[:64]}"


def init_app(app: Flask) -> None:
    """Count every request before it is answered, and say in the answer what is left."""
    config = app.config
    limiter = RateLimiter(redis_store(app), workers=config["WORKERS"])
    hooks = RateLimitHooks(
        limiter,
        default=config["RATE_LIMIT"],
        admin=config["RATE_LIMIT_ADMIN"],
        routes=app.extensions[ROUTE_TABLE],
    )
    app.extensions["rate_limiter"] = limiter
    app.before_request(hooks.check)
    app.after_request(hooks.announce)
