import pytest

from app.middleware.metrics.statistics import quantile

BUCKETS = [(0.1, 50.0), (0.2, 90.0), (1.0, 100.0), (float("inf"), 100.0)]


@pytest.mark.parametrize(("q", "expected"), [(0.25, 0.05), (0.5, 0.1), (0.7, 0.15), (0.95, 0.6), (1.0, 1.0)])
def test_quantiles_are_interpolated(q, expected):
    assert quantile(q, BUCKETS) == pytest.approx(expected)


def test_beyond_the_last_bound_a_quantile_is_that_bound():
    assert quantile(0.99, [(10.0, 1.0), (float("inf"), 100.0)]) == 10.0


def test_of_nothing_a_quantile_is_zero():
    assert quantile(0.99, []) == quantile(0.99, [(1.0, 0.0), (float("inf"), 0.0)]) == 0.0
