"""The metrics as a handful of numbers for people."""

from itertools import pairwise
from time import time
from typing import Any

from prometheus_client.metrics_core import Metric

from app.middleware.metrics.instruments import Instruments, total

DURATION = "http_request_duration_seconds"


def summarize(instruments: Instruments) -> dict[str, Any]:
    """Numbers of the whole service since its start; times are in seconds."""
    families = instruments.collect()
    buckets = cumulative_buckets(families)
    answered = buckets[-1][1] if buckets else 0.0
    requests = total(families, "http_requests")
    errors = sum(number for status, number in by_status(families).items() if status >= 400)
    return {
        "total_requests": int(requests),
        "error_count": int(errors),
        "error_rate": errors / requests if requests else 0.0,
        "avg_response_time": _sum(families, f"{DURATION}_sum") / answered if answered else 0.0,
        "p95_response_time": quantile(0.95, buckets),
        "p99_response_time": quantile(0.99, buckets),
        "cache_hits": int(total(families, "cache_lookups", outcome="hit")),
        "cache_misses": int(total(families, "cache_lookups", outcome="miss")),
        "uptime": round(time() - instruments.started, 3),
        "workers": instruments.workers(),
        "requests_per_second": instruments.requests_per_second(),
    }


def by_status(families: list[Metric]) -> dict[int, float]:
    """Requests by the status they were answered with."""
    counts: dict[int, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "http_requests_total":
                status = int(sample.labels["status"])
                counts[status] = counts.get(status, 0.0) + sample.value
    return counts


def cumulative_buckets(families: list[Metric]) -> list[tuple[float, float]]:
    """Upper bound in seconds, and the requests of all routes up to it; ascending to infinity."""
    buckets: dict[float, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == f"{DURATION}_bucket":
                bound = float(sample.labels["le"])
                buckets[bound] = buckets.get(bound, 0.0) + sample.value
    return sorted(buckets.items())


def quantile(q: float, buckets: list[tuple[float, float]]) -> float:
    """The q-quantile in seconds, interpolated within its bucket as Prometheus' ``histogram_quantile`` does.

    Beyond the last finite bound it is that bound.
    """
    rank = q * buckets[-1][1] if buckets else 0.0
    if not rank:
        return 0.0
    for (lower, below), (upper, upto) in pairwise([(0.0, 0.0), *buckets]):
        if upto >= rank:
            return (
                lower if upper == float("inf") else lower + (upper - lower) * (rank - below) / (upto - below)
            )
    return buckets[-1][0]


def _sum(families: list[Metric], name: str) -> float:
    return sum(s.value for family in families for s in family.samples if s.name == name)
