from collections.abc import Callable
from threading import Barrier, Event, Thread

import numpy as np
import pytest

from app.models.engines.output import EngineOutput
from tests.app.middleware.prediction_cache.fakes import FakeModel, Sums, cache_of


def in_threads(number: int, work: Callable[[int], object]) -> None:
    threads = [Thread(target=work, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def test_concurrent_equal_requests_compute_once():
    cache, model = cache_of(), FakeModel()
    entered, finish = Event(), Event()
    calls, answers = [], []

    def compute(rows):
        calls.append(len(rows))
        entered.set()
        assert finish.wait(10)
        return EngineOutput(rows.sum(axis=1), None)

    def ask(index: int) -> None:
        if index:
            assert entered.wait(10)
        if index == 19:
            finish.set()
        answers.append(cache.output(model, np.array([[1.0, 2.0]]), compute))

    in_threads(20, ask)
    assert calls == [1]
    assert [outcome.values.tolist() for outcome, _ in answers] == [[3.0]] * 20
    assert sorted(cached for _, cached in answers) == [[False]] + [[True]] * 19


def test_a_failed_computation_is_not_remembered_and_those_who_waited_try_themselves():
    cache, model = cache_of(), FakeModel()
    row = np.array([[1.0, 2.0]])
    entered, fail = Event(), Event()
    outcomes, errors = [], []

    def failing(rows):
        entered.set()
        assert fail.wait(10)
        raise RuntimeError

    def ask(index: int) -> None:
        if index == 0:
            try:
                cache.output(model, row, failing)
            except RuntimeError as error:
                errors.append(error)
        else:
            assert entered.wait(10)
            if index == 9:
                fail.set()
            outcomes.append(cache.output(model, row, Sums())[0].values.tolist())

    in_threads(10, ask)
    assert len(errors) == 1
    assert outcomes == [[3.0]] * 9


def test_a_failure_leaves_no_flight_behind(compute):
    def failing(rows):
        raise RuntimeError

    cache, model, row = cache_of(), FakeModel(), np.array([[1.0, 2.0]])
    with pytest.raises(RuntimeError):
        cache.output(model, row, failing)
    assert cache.output(model, row, compute)[1] == [False]


def test_batches_that_need_each_others_rows_do_not_wait_for_ever():
    cache, model = cache_of(), FakeModel()
    together = Barrier(8)
    answers = {}

    def ask(index: int) -> None:
        order = np.random.default_rng(index).permutation(50)
        together.wait(10)
        outcome, _ = cache.output(model, np.column_stack((order, order)).astype(float), Sums())
        answers[index] = (outcome.values == 2 * order).all()

    in_threads(8, ask)
    assert all(answers[index] for index in range(8))
