"""May a request pass, and how many more may?"""

from collections.abc import Iterable
from math import ceil
from typing import NamedTuple


class RateLimitDecision(NamedTuple):
    """Whether a request may pass, and the state of the window that is nearest to its end.

    ``reset`` is in whole seconds, rounded up: until the oldest request counted leaves the window.
    """

    allowed: bool
    amount: int
    remaining: int
    reset: int


def allow(states: Iterable[tuple[int, int, float]]) -> RateLimitDecision:
    """Allow a request that was counted in all windows; of each: amount, requests, seconds left."""
    amount, count, left = min(states, key=lambda state: state[0] - state[1])
    return RateLimitDecision(True, amount, amount - count, ceil(left))


def reject(full: Iterable[tuple[int, float]]) -> RateLimitDecision:
    """Reject a request that was counted in none; of each full window: amount and seconds left."""
    amount, left = max(full, key=lambda state: state[1])
    return RateLimitDecision(False, amount, 0, max(1, ceil(left)))
