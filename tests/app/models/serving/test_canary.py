import random

import pytest

from app.models.serving.canary import (
    CHALLENGER,
    CHAMPION,
    WINDOW,
    CanaryLimits,
    CanaryTallies,
    Tally,
    decide,
    total,
)
from tests.app.middleware.conftest import Clock

LIMITS = CanaryLimits(min_requests=100, max_error_rate=0.05, max_latency_ratio=2.0)


def tally(requests, *, errors=0, seconds=0.01):
    found = Tally()
    for number in range(requests):
        found.add(seconds=seconds, failed=number < errors)
    return found


@pytest.mark.parametrize(
    ("canary", "ends"),
    [
        (tally(1000, errors=50), False),
        (tally(1000, errors=51), True),
        (tally(99, errors=99), False),
        (tally(100, errors=6), True),
    ],
)
def test_a_canary_ends_by_errors_from_the_threshold_on(canary, ends):
    assert bool(decide(tally(1000), canary, LIMITS)) is ends


def test_errors_count_only_beyond_those_of_the_champion():
    assert decide(tally(1000, errors=100), tally(1000, errors=140), LIMITS) is None
    assert decide(tally(1000, errors=100), tally(1000, errors=160), LIMITS) == (
        "error rate 16.0% against 10.0% of the champion"
    )


@pytest.mark.parametrize(("seconds", "ends"), [(0.015, False), (0.03, True), (0.001, False)])
def test_a_canary_ends_by_latency_against_the_champion(seconds, ends):
    assert bool(decide(tally(200, seconds=0.01), tally(200, seconds=seconds), LIMITS)) is ends


def test_a_canary_that_takes_less_than_a_millisecond_is_never_too_slow():
    assert decide(tally(200, seconds=0.00001), tally(200, seconds=0.0007), LIMITS) is None


@pytest.mark.parametrize(("slow", "ends"), [(5, False), (11, False), (12, True), (100, True)])
def test_a_few_slow_requests_of_a_hundred_are_chance(slow, ends):
    """Five are what the 95th percentile says; up to eleven may be so by chance."""
    found = tally(100 - slow, seconds=0.01)
    for _ in range(slow):
        found.add(seconds=0.1, failed=False)
    assert bool(decide(tally(1000, seconds=0.01), found, LIMITS)) is ends


def test_versions_that_are_alike_stay_together_however_often_they_are_looked_at():
    """Times as on a machine with other work: a twentieth takes ten times as long, or more."""
    chance = random.Random(1)
    ended = 0
    for _ in range(200):
        champion, canary = Tally(), Tally()
        for number in range(1000):
            for side in (champion, canary):
                side.add(seconds=0.002 * chance.paretovariate(1.3), failed=False)
            ended += number % 50 == 49 and decide(champion, canary, LIMITS) is not None
    assert ended == 0


def test_latency_is_not_judged_by_a_few_requests_of_the_champion():
    assert decide(tally(99, seconds=0.01), tally(200, seconds=1.0), LIMITS) is None


def test_the_percentile_is_a_quarter_too_high_at_most():
    found = tally(95, seconds=0.01)
    for _ in range(5):
        found.add(seconds=5.0, failed=False)
    assert 0.01 <= found.p95() <= 0.0125


def test_tallies_of_workers_are_summed():
    found = total(tally(10, errors=number).to_dict() for number in (1, 2))
    assert (found.requests, found.errors, sum(found.times)) == (20, 3, 17)


def test_remembered_answers_count_without_their_time():
    found = Tally()
    found.add(seconds=None, failed=False)
    assert (found.requests, sum(found.times)) == (1, 0)


def test_what_is_old_counts_no_more_if_there_is_enough_that_is_newer():
    clock = Clock()
    tallies = CanaryTallies(LIMITS, clock=clock)

    def after_a_window(requests):
        for _ in range(requests):
            tallies.add(CHALLENGER, seconds=0.01, failed=False)
        clock.now += WINDOW + 1
        return tallies.to_dict()[CHALLENGER]["requests"]

    assert [after_a_window(requests) for requests in (100, 200, 50, 50, 0)] == [100, 200, 250, 100, 100]
    assert tallies.to_dict()[CHAMPION]["requests"] == 0
