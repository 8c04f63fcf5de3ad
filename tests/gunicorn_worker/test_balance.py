import pytest

from gunicorn_worker import balance
from gunicorn_worker.balance import MAX_WORKERS, ConnectionBalance


@pytest.fixture
def workers():
    """The counts of two workers, removed afterwards."""
    ages = (7, 8)
    yield [ConnectionBalance(age) for age in ages]
    for age in ages:
        balance.remove_worker(age)


def test_worker_alone_has_fewest(workers):
    workers[0].publish(5)
    assert workers[0].is_least(5)


def test_worker_with_more_than_another_has_not_fewest(workers):
    for worker, connections in zip(workers, (3, 2), strict=True):
        worker.publish(connections)
    assert not workers[0].is_least(3)
    assert workers[1].is_least(2)


def test_workers_with_as_many_both_have_fewest(workers):
    for worker in workers:
        worker.publish(4)
    assert workers[0].is_least(4)
    assert workers[1].is_least(4)


def test_worker_that_has_ended_does_not_count(workers):
    for worker, connections in zip(workers, (3, 0), strict=True):
        worker.publish(connections)
    assert not workers[0].is_least(3)
    balance.remove_worker(8)
    assert workers[0].is_least(3)


def test_slots_are_reused(workers):
    workers[0].publish(1)
    ConnectionBalance(7 + MAX_WORKERS).publish(0)
    assert not workers[1].is_least(1)
    assert workers[1].is_least(0)
