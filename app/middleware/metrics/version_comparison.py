"""The metrics of champion and challengers, side by side."""

from typing import Any

from prometheus_client.metrics_core import Metric

from app.middleware.metrics.instruments import Instruments
from app.middleware.metrics.queries import buckets, mean, quantile, total, total_by

ROUTED, SHADOW = "routed_request_duration_seconds", "shadow_duration_seconds"


def compare(instruments: Instruments, *, prefix: str) -> dict[str, dict[str, Any]]:
    """By version, since the start of the service and over all workers; times are in seconds.

    :param prefix: of the versions of the model in the metrics: empty, or its name and a slash.
    """
    families = instruments.collect()
    labels = {s.labels["version"] for f in families for s in f.samples if "version" in s.labels}
    own = sorted(label for label in labels if label.rpartition("/")[0] + "/" == (prefix or "/"))
    return {label.removeprefix(prefix): _version(families, label) for label in own}


def _version(families: list[Metric], version: str) -> dict[str, Any]:
    outcomes = total_by(families, "routed_requests_total", "outcome", version=version)
    shadowed = total_by(families, "shadow_rows_total", "outcome", version=version)
    requests, errors = int(sum(outcomes.values())), int(outcomes.get("error", 0))
    shadow = {name: int(shadowed.get(name, 0)) for name in ("agreed", "disagreed", "failed", "dropped")}
    compared = shadow["agreed"] + shadow["disagreed"]
    return {
        "rows": int(total(families, "prediction_rows_total", version=version)),
        "requests": requests,
        "errors": errors,
        "error_rate": errors / requests if requests else 0.0,
        **_times(families, ROUTED, version),
        "labels": _shares(families, "predictions_total", version),
        "shadow": {
            **shadow,
            "disagreement": shadow["disagreed"] / compared if compared else None,
            **_times(families, SHADOW, version),
            "labels": _shares(families, "shadow_predictions_total", version),
        },
    }


def _shares(families: list[Metric], name: str, version: str) -> dict[str, float]:
    counts = total_by(families, name, "label", version=version)
    whole = sum(counts.values())
    return {label: round(number / whole, 4) for label, number in sorted(counts.items())} if whole else {}


def _times(families: list[Metric], name: str, version: str) -> dict[str, float]:
    return {
        "avg_response_time": mean(families, name, version=version),
        "p95_response_time": quantile(0.95, buckets(families, name, version=version)),
    }
