"""Timing of an engine."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

from app.models.schema.rows import Rows, take

LARGE = 10_000
SIZES = (1, 100, LARGE)
BUDGET = 0.15
MIN_RUNS = 3
MAX_RUNS = 300


def median_microseconds(predict: Callable[[Any], Any], rows: Rows) -> dict[str, float]:
    """Median time of one call in µs with 1 and 100 rows, repeated for at most 0.15 s each, and the time of a
    single call with 10,000: a large forest takes seconds for them."""
    return {str(size): _median(predict, take(rows, [i % len(rows) for i in range(size)])) for size in SIZES}


def _median(predict: Callable[[Any], Any], rows: Rows) -> float:
    if len(rows) >= LARGE:
        return _microseconds(predict, rows)
    predict(rows)
    times: list[float] = []
    while len(times) < MIN_RUNS or (sum(times) < BUDGET * 1e6 and len(times) < MAX_RUNS):
        times.append(_microseconds(predict, rows))
    return round(median(times), 2)


def _microseconds(predict: Callable[[Any], Any], rows: Rows) -> float:
    started = perf_counter()
    predict(rows)
    return round((perf_counter() - started) * 1e6, 2)
