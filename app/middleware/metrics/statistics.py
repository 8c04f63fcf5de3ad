"""The metrics as a handful of numbers for people."""

from time import time
from typing import Any

from app.middleware.metrics.instruments import Instruments
from app.middleware.metrics.queries import buckets, mean, quantile, total, total_by

DURATION = "http_request_duration_seconds"


def summarize(instruments: Instruments) -> dict[str, Any]:
    """Numbers of the whole service since its start; times are in seconds."""
    families = instruments.collect()
    by_status = total_by(families, "http_requests_total", "status")
    requests = sum(by_status.values())
    errors = sum(number for status, number in by_status.items() if int(status) >= 400)
    durations = buckets(families, DURATION)
    return {
        "total_requests": int(requests),
        "error_count": int(errors),
        "error_rate": errors / requests if requests else 0.0,
        "avg_response_time": mean(families, DURATION),
        "p95_response_time": quantile(0.95, durations),
        "p99_response_time": quantile(0.99, durations),
        "cache_hits": int(total(families, "cache_lookups_total", outcome="hit")),
        "cache_misses": int(total(families, "cache_lookups_total", outcome="miss")),
        "uptime": round(time() - instruments.started, 3),
        "workers": instruments.workers(),
        "requests_per_second": instruments.requests_per_second(),
    }
