"""Moving windows in a Redis that all processes share, counted by the scripts of the library ``limits``."""

from collections.abc import Callable
from time import time
from typing import Any

from limits.storage import RedisStorage
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from app.middleware.rate_limit.decision import RateLimitDecision, allow, reject
from app.settings.rate_limits import Limit

KEY_PREFIX = "rate:"

Call = tuple[Script, str, tuple[float, ...]]


class RedisWindows:
    """The windows of all processes and machines that share a Redis, counted there by atomic scripts.

    One exchange per request for one window, two for several: the first asks whether any is full, so that a
    rejected request is not counted in the others.

    :param clock: seconds since the epoch, the same on all machines.
    """

    def __init__(self, client: Redis, *, clock: Callable[[], float] = time) -> None:
        storage = RedisStorage("redis://", connection_pool=client.connection_pool)
        self._acquire, self._read = storage.lua_acquire_moving_window, storage.lua_moving_window
        self._clock = clock

    def hit(self, client: Redis, limit: Limit, key: str) -> RateLimitDecision:
        """Count a request in all windows of ``limit``, or in none if one of them is full.

        :raises RedisError: if Redis does not answer, or not as it should.
        """
        now = self._clock()
        reads, acquires = self._calls(limit, key, now)
        if len(reads) > 1:
            states = _states(limit, self._run(client, reads), now)
            if full := [(amount, left) for amount, count, left in states if count >= amount]:
                return reject(full)
        answers = self._run(client, acquires + reads)
        allowed, states = answers[: len(acquires)], _states(limit, answers[len(acquires) :], now)
        if all(allowed):
            return allow(states)
        pairs = zip(allowed, states, strict=True)
        return reject((amount, left) for passed, (amount, _, left) in pairs if not passed)

    def _calls(self, limit: Limit, key: str, now: float) -> tuple[list[Call], list[Call]]:
        reads: list[Call] = []
        acquires: list[Call] = []
        for amount, seconds in limit.windows:
            name = f"{KEY_PREFIX}{key}/{amount}/{seconds}"
            reads.append((self._read, name, (now - seconds, amount)))
            acquires.append((self._acquire, name, (now, amount, seconds, 1)))
        return reads, acquires

    def _run(self, client: Redis, calls: list[Call]) -> list[Any]:
        """Run scripts in one exchange, loading them first into a Redis that does not know them."""
        try:
            return _exchange(client, calls)
        except NoScriptError:
            for script in (self._acquire, self._read):
                client.script_load(script.script)
            return _exchange(client, calls)


def _exchange(client: Redis, calls: list[Call]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for script, name, arguments in calls:
        pipeline.evalsha(script.sha, 1, name, *arguments)
    return pipeline.execute()


def _states(limit: Limit, answers: list[Any], now: float) -> list[tuple[int, int, float]]:
    """Amount, requests counted, and seconds until the oldest leaves, of each window."""
    pairs = zip(limit.windows, ((answer or (now, 0)) for answer in answers), strict=True)
    return [(w.amount, int(count), float(oldest) + w.seconds - now) for w, (oldest, count) in pairs]
