import pytest

from gunicorn_worker import balance
from gunicorn_worker.balance import MOST_WORKERS, ConnectionBalance


@pytest.fixture
def workers():
    """Two workers; what they noted is forgotten afterwards."""
    ages = (7, 8)
    yield [ConnectionBalance(age) for age in ages]
    for age in ages:
        balance.forget(age)


def test_worker_alone_has_the_least(workers):
    workers[0].note(5)
    assert workers[0].is_least(5)


def test_worker_with_more_than_another_has_not(workers):
    for worker, connections in zip(workers, (3, 2), strict=True):
        worker.note(connections)
    assert not workers[0].is_least(3)
    assert workers[1].is_least(2)


def test_workers_with_as_many_both_have_the_least(workers):
    for worker in workers:
        worker.note(4)
    assert workers[0].is_least(4)
    assert workers[1].is_least(4)


def test_worker_that_has_ended_counts_no_more(workers):
    for worker, connections in zip(workers, (3, 0), strict=True):
        worker.note(connections)
    assert not workers[0].is_least(3)
    balance.forget(8)
    assert workers[0].is_least(3)


def test_places_are_used_again(workers):
    workers[0].note(1)
    ConnectionBalance(7 + MOST_WORKERS).note(0)
    assert not workers[1].is_least(1)
    assert workers[1].is_least(0)
