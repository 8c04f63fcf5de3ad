import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.middleware.metrics.queries import buckets, mean, quantile, total, total_by

BUCKETS = [(0.1, 50.0), (0.2, 90.0), (1.0, 100.0), (float("inf"), 100.0)]


@pytest.mark.parametrize(("q", "expected"), [(0.25, 0.05), (0.5, 0.1), (0.7, 0.15), (0.95, 0.6), (1.0, 1.0)])
def test_quantiles_are_interpolated(q, expected):
    assert quantile(q, BUCKETS) == pytest.approx(expected)


def test_beyond_the_last_bound_a_quantile_is_that_bound():
    assert quantile(0.99, [(10.0, 1.0), (float("inf"), 100.0)]) == 10.0


def test_of_nothing_a_quantile_is_zero():
    assert quantile(0.99, []) == quantile(0.99, [(1.0, 0.0), (float("inf"), 0.0)]) == 0.0


@pytest.fixture
def families():
    registry = CollectorRegistry()
    requests = Counter("asked", "Requests.", ["route", "status"], registry=registry)
    for route, status, number in (("/a", "200", 3), ("/a", "404", 1), ("/b", "200", 2)):
        requests.labels(route, status).inc(number)
    seconds = Histogram("seconds", "Times.", ["route"], buckets=(1, 10), registry=registry)
    for route, value in (("/a", 0.5), ("/a", 5.5), ("/b", 15)):
        seconds.labels(route).observe(value)
    return list(registry.collect())


def test_a_total_is_of_all_label_values_but_those_given(families):
    assert total(families, "asked_total") == 6
    assert total(families, "asked_total", route="/a", status="200") == 3
    assert total(families, "nothing_total") == 0
    assert total_by(families, "asked_total", "status") == {"200": 5, "404": 1}
    assert total_by(families, "asked_total", "status", route="/b") == {"200": 2}


def test_buckets_of_several_series_are_added_in_order(families):
    assert buckets(families, "seconds") == [(1, 1), (10, 2), (float("inf"), 3)]
    assert buckets(families, "seconds", route="/b") == [(1, 0), (10, 0), (float("inf"), 1)]
    assert buckets(families, "nothing") == []


def test_a_mean_is_of_what_was_observed(families):
    assert mean(families, "seconds") == 7
    assert mean(families, "seconds", route="/a") == 3
    assert mean(families, "nothing") == 0
