"""The metrics of champion and challengers, side by side."""

from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from app.middleware.metrics.instruments import Instruments
from app.middleware.metrics.statistics import quantile

ROUTED, SHADOW = "routed_request_duration_seconds", "shadow_duration_seconds"


def compare(instruments: Instruments, *, prefix: str) -> dict[str, dict[str, Any]]:
    """By version, since the start of the service and over all workers; times are in seconds.

    :param prefix: of the versions of the model in the metrics: empty, or its name and a slash.
    """
    families = instruments.collect()
    labels = {s.labels["version"] for s in samples(families) if "version" in s.labels}
    own = sorted(label for label in labels if label.rpartition("/")[0] + "/" == (prefix or "/"))
    return {label.removeprefix(prefix): _version(families, label) for label in own}


def samples(families: list[Metric], *names: str, **labels: str) -> list[Sample]:
    """The samples of these names, or of any, with these labels."""
    found = (sample for family in families for sample in family.samples)
    return [s for s in found if (not names or s.name in names) and labels.items() <= s.labels.items()]


def _version(families: list[Metric], version: str) -> dict[str, Any]:
    outcomes = _by(families, "routed_requests_total", "outcome", version)
    shadowed = _by(families, "shadow_rows_total", "outcome", version)
    requests = sum(outcomes.values())
    compared = shadowed.get("agreed", 0) + shadowed.get("disagreed", 0)
    return {
        "rows": sum(_by(families, "prediction_rows_total", "version", version).values()),
        "requests": requests,
        "errors": outcomes.get("error", 0),
        "error_rate": outcomes.get("error", 0) / requests if requests else 0.0,
        **_times(families, ROUTED, version),
        "labels": _shares(_by(families, "predictions_total", "label", version)),
        "shadow": {
            **{name: shadowed.get(name, 0) for name in ("agreed", "disagreed", "failed", "dropped")},
            "disagreement": shadowed.get("disagreed", 0) / compared if compared else None,
            **_times(families, SHADOW, version),
            "labels": _shares(_by(families, "shadow_predictions_total", "label", version)),
        },
    }


def _by(families: list[Metric], name: str, label: str, version: str) -> dict[str, int]:
    return {s.labels[label]: int(s.value) for s in samples(families, name, version=version)}


def _shares(counts: dict[str, int]) -> dict[str, float]:
    whole = sum(counts.values())
    return {label: round(number / whole, 4) for label, number in sorted(counts.items())} if whole else {}


def _times(families: list[Metric], name: str, version: str) -> dict[str, float]:
    found = samples(families, f"{name}_bucket", version=version)
    buckets = sorted((float(s.labels["le"]), s.value) for s in found)
    number = buckets[-1][1] if buckets else 0.0
    seconds = sum(s.value for s in samples(families, f"{name}_sum", version=version))
    return {
        "avg_response_time": seconds / number if number else 0.0,
        "p95_response_time": quantile(0.95, buckets),
    }
