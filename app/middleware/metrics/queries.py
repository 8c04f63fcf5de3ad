"""Questions to metric families: samples by name and labels, their sum, and quantiles of histograms."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from math import inf

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

Families = Iterable[Metric]
Buckets = list[tuple[float, float]]


def samples(families: Families, name: str, /, **labels: str) -> list[Sample]:
    """The samples of one name with these labels."""
    found = (sample for family in families for sample in family.samples if sample.name == name)
    return [sample for sample in found if labels.items() <= sample.labels.items()]


def total(families: Families, name: str, /, **labels: str) -> float:
    """The sum of the samples."""
    return sum(sample.value for sample in samples(families, name, **labels))


def total_by(families: Families, name: str, by: str, /, **labels: str) -> dict[str, float]:
    """The sum of the samples for each value of the label ``by``."""
    sums: dict[str, float] = defaultdict(float)
    for sample in samples(families, name, **labels):
        sums[sample.labels[by]] += sample.value
    return dict(sums)


def buckets(families: Families, histogram: str, /, **labels: str) -> Buckets:
    """Upper bound, and the observations up to it; ascending to infinity."""
    sums = total_by(families, f"{histogram}_bucket", "le", **labels)
    return sorted((float(bound), number) for bound, number in sums.items())


def mean(families: Families, histogram: str, /, **labels: str) -> float:
    """The mean of a histogram's observations, 0 where there are none."""
    number = total(families, f"{histogram}_count", **labels)
    return total(families, f"{histogram}_sum", **labels) / number if number else 0.0


def quantile(q: float, buckets: Buckets) -> float:
    """The q-quantile, interpolated within its bucket as Prometheus' ``histogram_quantile`` does.

    Beyond the last finite bound it is that bound; 0 where there are no observations.
    """
    rank = q * buckets[-1][1] if buckets else 0.0
    if not rank:
        return 0.0
    pairs = pairwise([(0.0, 0.0), *buckets])
    (lower, below), (upper, upto) = next(pair for pair in pairs if pair[1][1] >= rank)
    return lower if upper == inf else lower + (upper - lower) * (rank - below) / (upto - below)
