"""Moving windows: at most so many requests in any stretch of so many seconds, counted in memory or in Redis.

The notation and the Redis scripts are those of the library ``limits``. Its storage in memory is not used:
it never forgets a key (200,000 addresses stay 200,000 entries) and starts a thread every 10 ms under load.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import ceil
from threading import Lock
from time import monotonic, time
from typing import Any, NamedTuple

from limits import parse_many
from limits.storage import RedisStorage
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

PREFIX = "rate:"
MAX_KEYS = 10_000

Call = tuple[Script, str, tuple[float, ...]]


class Window(NamedTuple):
    """At most ``amount`` requests in any ``seconds``."""

    amount: int
    seconds: int


class Limit(NamedTuple):
    """Windows that must all have room; ``name`` tells one limit's counts from another's."""

    name: str
    windows: tuple[Window, ...]

    def share(self, workers: int) -> "Limit":
        """What each of ``workers`` may admit, so that together they stay within the limit.

        A window of fewer requests than there are workers leaves each of them one.
        """
        shares = (Window(max(1, amount // workers), seconds) for amount, seconds in self.windows)
        return Limit(f"{self.name}/{workers}", tuple(shares))


class RateLimitDecision(NamedTuple):
    """Whether a request may pass, and the state of the window that is nearest to its end.

    ``reset`` is in whole seconds, rounded up: until the oldest request counted leaves the window.
    """

    artifact: bool
    amount: int
    remaining: int
    reset: int


@lru_cache(maxsize=1024)
def parse_limit(notation: str) -> Limit:
    """Read ``"100 per hour"`` or ``"20/second;1000/hour"``.

    :raises ValueError: if it is none of that, or admits nothing.
    """
    windows = tuple(Window(item.amount, item.get_expiry()) for item in parse_many(notation))
    if any(amount < 1 for amount, _ in windows):
        raise ValueError(f"a limit must admit something: {notation}")
    return Limit(";".join(f"{amount}/{seconds}" for amount, seconds in windows), windows)


def admit(states: Iterable[tuple[int, int, float]]) -> RateLimitDecision:
    """The verdict on a request that was counted in all windows: of each, amount, requests, seconds left."""
    amount, count, left = min(states, key=lambda state: state[0] - state[1])
    return RateLimitDecision(True, amount, amount - count, ceil(left))


def refuse(full: Iterable[tuple[int, float]]) -> RateLimitDecision:
    """The verdict on a request that was counted in none: of each full window, amount and seconds left."""
    amount, left = max(full, key=lambda state: state[1])
    return RateLimitDecision(False, amount, 0, max(1, ceil(left)))


class MemoryWindows:
    """The windows of one process: the times of the requests that each key was admitted.

    The least recently seen key is forgotten beyond ``max_keys``, so that strangers cannot fill the memory.

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
            logs = self._times.get(name) or self._remember(name, len(limit.windows))
            self._times.move_to_end(name)
            full = False
            for (amount, seconds), log in zip(limit.windows, logs, strict=True):
                while log and now - log[0] >= seconds:
                    log.popleft()
                full = full or len(log) >= amount
            pairs = zip(limit.windows, logs, strict=True)
            if full:
                return refuse(
                    (w.amount, log[0] + w.seconds - now) for w, log in pairs if len(log) >= w.amount
                )
            for log in logs:
                log.append(now)
            if len(logs) == 1:  # nearly always, and worth 1 µs
                (amount, seconds), log = limit.windows[0], logs[0]
                return RateLimitDecision(True, amount, amount - len(log), ceil(log[0] + seconds - now))
            return admit((w.amount, len(log), log[0] + w.seconds - now) for w, log in pairs)

    def _remember(self, name: str, windows: int) -> tuple[deque[float], ...]:
        if len(self._times) >= self._max_keys:
            self._times.popitem(last=False)
        logs = self._times[name] = tuple(deque() for _ in range(windows))
        return logs


class RedisWindows:
    """The windows of all processes and machines that share a Redis, counted there by atomic scripts.

    One exchange per request for one window, two for several: the first asks whether any is full, so that a
    refused request is not counted in the others.

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
                return refuse(full)
        answers = self._run(client, acquires + reads)
        artifact, states = answers[: len(acquires)], _states(limit, answers[len(acquires) :], now)
        if all(artifact):
            return admit(states)
        pairs = zip(artifact, states, strict=True)
        return refuse((amount, left) for passed, (amount, _, left) in pairs if not passed)

    def _calls(self, limit: Limit, key: str, now: float) -> tuple[list[Call], list[Call]]:
        reads: list[Call] = []
        acquires: list[Call] = []
        for amount, seconds in limit.windows:
            name = f"{PREFIX}{key}/{amount}/{seconds}"
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
