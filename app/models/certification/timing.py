"""Timing of an engine."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from app.models.schema.rows import Rows, take

SIZES = (1, 100, 10_000)
BUDGET = 0.15
MIN_RUNS = 3
MAX_RUNS = 300


def median_microseconds(predict: Callable[[Any], Any], rows: Rows) -> dict[str, float]:
    """Median time of one call in µs with 1, 100 and 10,000 rows, repeated for at most 0.15 s each."""
    return {str(size): _median(predict, take(rows, (np.arange(size) % len(rows)).tolist())) for size in SIZES}


def _median(predict: Callable[[Any], Any], rows: Rows) -> float:
    predict(rows)
    times: list[float] = []
    while len(times) < MIN_RUNS or (sum(times) < BUDGET and len(times) < MAX_RUNS):
        started = perf_counter()
        predict(rows)
        times.append(perf_counter() - started)
    return round(median(times) * 1e6, 2)
