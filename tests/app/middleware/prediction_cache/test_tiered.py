import numpy as np
import pytest

from app.middleware.prediction_cache.tiered import LOCAL_US, SHARED_US
from tests.app.middleware.prediction_cache.fakes import Clock, FakeModel, FakeShared, cache_of


def test_a_row_is_computed_once_and_remembered(compute):
    cache, model = cache_of(), FakeModel()
    row = np.array([[1.0, 2.0]])
    for expected in ([False], [True], [True]):
        outcome, cached = cache.output(model, row, compute)
        assert (outcome.values.tolist(), cached) == ([3.0], expected)
    assert compute.calls == [1]


def test_rows_of_a_batch_are_looked_up_one_by_one_and_the_misses_computed_in_one_call(compute):
    cache, model = cache_of(), FakeModel()
    cache.output(model, np.array([[2.0, 2.0]]), compute)
    batch = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [1.0, 1.0]])
    outcome, cached = cache.output(model, batch, compute)
    assert outcome.values.tolist() == [2.0, 4.0, 6.0, 2.0]
    assert cached == [False, True, False, False]
    assert compute.calls == [1, 2]


def test_what_is_remembered_is_forgotten_after_its_time(compute):
    clock = Clock()
    cache, model = cache_of(ttl=60, clock=clock), FakeModel()
    row = np.array([[1.0, 2.0]])
    for now, expected in ((0.0, [False]), (59.0, [True]), (60.0, [False])):
        clock.now = now
        assert cache.output(model, row, compute)[1] == expected


def test_the_least_recently_used_row_makes_room(compute):
    cache, model = cache_of(size=2), FakeModel()
    for value in (1.0, 2.0, 3.0):
        cache.output(model, np.array([[value, 0.0]]), compute)
    assert [cache.output(model, np.array([[v, 0.0]]), compute)[1] for v in (3.0, 2.0, 1.0)] == [
        [True],
        [True],
        [False],
    ]


def test_what_is_remembered_cannot_be_changed_by_those_who_got_it(compute):
    cache, model = cache_of(), FakeModel()
    outcome, _ = cache.output(model, np.array([[1.0, 2.0]]), compute)
    with pytest.raises(ValueError, match="read-only"):
        outcome.values[0] = 7.0


def test_an_engine_put_out_of_service_changes_the_keys(compute):
    cache, model = cache_of(), FakeModel(engine="onnx")
    row = np.array([[1.0, 2.0]])
    cache.output(model, row, compute)
    model.engine.name = "sklearn"
    assert cache.output(model, row, compute)[1] == [False]


@pytest.mark.parametrize(("us", "looked"), [(LOCAL_US / 2, []), (LOCAL_US, []), (LOCAL_US + 1, [True])])
def test_one_row_of_an_engine_as_fast_as_the_cache_is_not_looked_up(compute, us, looked):
    cache, model, row = cache_of(), FakeModel(us=us), np.array([[1.0, 2.0]])
    cache.output(model, row, compute)
    assert cache.output(model, row, compute)[1] == looked


@pytest.mark.parametrize(("us", "asked"), [(15.0, []), (SHARED_US, []), (SHARED_US + 1, [1]), (None, [1])])
def test_one_row_of_an_engine_faster_than_redis_stays_in_the_worker(compute, us, asked):
    shared = FakeShared()
    cache_of(shared).output(FakeModel(us=us), np.array([[1.0, 2.0]]), compute)
    assert shared.asked == asked
    assert len(shared.outcomes) == len(asked)


def test_a_batch_is_looked_up_whatever_the_engine(compute):
    shared, model, batch = FakeShared(), FakeModel(us=1.0), np.array([[1.0, 2.0], [3.0, 4.0]])
    cache = cache_of(shared)
    cache.output(model, batch, compute)
    assert cache.output(model, batch, compute)[1] == [True, True]
    assert shared.asked == [2]


def test_workers_share_what_one_of_them_computed(compute):
    shared, model = FakeShared(), FakeModel()
    batch = np.array([[1.0, 2.0], [3.0, 4.0]])
    cache_of(shared).output(model, batch[:1], compute)
    worker = cache_of(shared)
    outcome, cached = worker.output(model, batch, compute)
    assert (outcome.values.tolist(), cached) == ([3.0, 7.0], [True, False])
    worker.output(model, batch, compute)
    assert (shared.asked, compute.calls) == ([1, 2], [1, 1])


def test_a_model_is_let_go_after_a_switch(compute):
    from weakref import ref

    cache, model = cache_of(), FakeModel()
    cache.output(model, np.array([[1.0, 2.0]]), compute)
    gone = ref(model)
    del model
    assert gone() is None
