"""Counts requests per key, or else per client network, and rejects those beyond the limit."""

from contextlib import suppress
from functools import lru_cache, partial

from flask import Flask, Response, g, request

from app.exceptions import RateLimitExceeded
from app.middleware.auth.principal import Principal
from app.middleware.client_network import client_network
from app.middleware.rate_limit.decision import RateLimitDecision
from app.middleware.rate_limit.memory_windows import MemoryWindows
from app.middleware.rate_limit.redis_windows import RedisWindows
from app.middleware.redis_store import RedisStore, Unavailable, redis_store
from app.middleware.route_table import ROUTE_TABLE, RouteTable
from app.settings.rate_limits import Limit, parse_limit

DECISION = "service.rate_limit"


class RateLimiter:
    """Counts in Redis as long as it answers, else in this process, which gets its share of the limit.

    :param store: None to count in this process only.
    :param workers: processes that share the limits.
    """

    def __init__(self, store: RedisStore | None = None, *, workers: int = 1) -> None:
        self._store = store
        self._redis = RedisWindows(store.client) if store else None
        self._memory = MemoryWindows()
        self._share = lru_cache(maxsize=1024)(lambda limit: limit.share(workers))

    def hit(self, limit: Limit, key: str) -> RateLimitDecision:
        """Count a request of ``key``, unless it exceeds ``limit``."""
        if self._store and self._redis:
            with suppress(Unavailable):
                return self._store.call(partial(self._redis.hit, limit=limit, key=key))
        return self._memory.hit(self._share(limit), key)


class RateLimitHooks:
    """The hooks of one app, with its limits for administrative and for all other calls."""

    def __init__(self, limiter: RateLimiter, routes: RouteTable, *, default: str, admin: str) -> None:
        self._limiter = limiter
        self._exempt = routes.exempt
        # Most requests are for few paths: 0.1 µs for one that is cached, where matching takes 0.5.
        self._is_administrative = lru_cache(maxsize=256)(routes.is_administrative)
        self._default = parse_limit(default) if default else None
        self._admin = parse_limit(admin) if admin else None

    def check(self) -> None:
        """Count the request.

        :raises RateLimitExceeded: if its key or network has none left.
        """
        environ = request.environ
        path = environ["PATH_INFO"]
        # A preflight carries no key: it would count towards the limit of its network.
        if path in self._exempt or environ["REQUEST_METHOD"] == "OPTIONS":
            return
        limit_of, name = limited_client()
        if self._is_administrative(path):
            limit, bucket = self._admin, f"admin:{limit_of}:{name}"
        else:
            limit, bucket = g.principal.rate_limit or self._default, f"{limit_of}:{name}"
        if limit is None:
            return
        decision = environ[DECISION] = self._limiter.hit(limit, bucket)
        if not decision.allowed:
            raise RateLimitExceeded(limit=decision.amount, limit_of=limit_of, retry_after=decision.reset)

    def add_headers(self, response: Response) -> Response:
        """Say in the answer what is left."""
        decision: RateLimitDecision | None = request.environ.get(DECISION)
        if decision is not None:
            headers = response.headers
            headers.add("RateLimit-Limit", str(decision.amount))
            headers.add("RateLimit-Remaining", str(decision.remaining))
            headers.add("RateLimit-Reset", str(decision.reset))
        return response


def limited_client() -> tuple[str, str]:
    """Who is limited: the ``key`` of the running request, or without one the network of its ``address``."""
    principal: Principal = g.principal
    if principal.id is not None:
        return "key", principal.id
    return "address", client_network(request.environ.get("REMOTE_ADDR") or "")


def init_app(app: Flask) -> None:
    """Count before each request, and say what is left after it."""
    config = app.config
    limiter = RateLimiter(redis_store(app), workers=config["WORKERS"])
    routes = app.extensions[ROUTE_TABLE]
    hooks = RateLimitHooks(limiter, routes, default=config["RATE_LIMIT"], admin=config["RATE_LIMIT_ADMIN"])
    app.before_request(hooks.check)
    app.after_request(hooks.add_headers)
