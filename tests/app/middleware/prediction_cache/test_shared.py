import pickle
from time import perf_counter

import numpy as np
import pytest

from app.middleware.prediction_cache.shared import CACHE_KEY_PREFIX, RedisShared
from app.middleware.redis_store import RedisStore
from tests.app.middleware.prediction_cache.fakes import (
    FakeModel,
    cache_of,
    keys_of,
)
from tests.app.middleware.prediction_cache.test_row_outputs import HALVES, POISON

pytestmark = pytest.mark.server


@pytest.fixture
def store(redis_server) -> RedisStore:
    return RedisStore(redis_server.patient_url)


def test_redis_is_asked_once_for_all_rows_of_a_batch_and_told_once(redis_server, store, compute):
    redis_server.admin.config_resetstat()
    model, batch = FakeModel(), np.arange(200.0).reshape(100, 2)
    cache_of(RedisShared(store, ttl=60)).output(model, batch, compute)
    outcome, cached = cache_of(RedisShared(store, ttl=60)).output(model, batch, compute)
    assert outcome.values.tolist() == batch.sum(axis=1).tolist()
    assert cached == [True] * 100
    calls = redis_server.admin.info("commandstats")
    assert (calls["cmdstat_mget"]["calls"], calls["cmdstat_set"]["calls"]) == (2, 100)
    key = redis_server.admin.keys()[0]
    assert 0 < redis_server.admin.ttl(key) <= 60


@pytest.mark.parametrize("content", [POISON["text"], POISON["three classes"], pickle.dumps([1, HALVES])])
def test_poison_in_redis_is_a_miss_and_is_replaced(redis_server, store, compute, content):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    redis_server.admin.set(CACHE_KEY_PREFIX + keys_of(row)[0], content)
    for expected in ([False], [True]):
        outcome, cached = cache_of(RedisShared(store, ttl=60)).output(model, row, compute)
        assert (outcome.values.tolist(), cached) == ([3.0], expected)


def test_a_key_of_another_type_is_a_miss(redis_server, store, compute):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    redis_server.admin.lpush(CACHE_KEY_PREFIX + keys_of(row)[0], "x")
    assert cache_of(RedisShared(store, ttl=60)).output(model, row, compute)[1] == [False]


@pytest.mark.parametrize("fault", ["freeze", "kill", "full", "replica"])
def test_predictions_go_on_without_redis(redis_server, compute, fault):
    cache, model = cache_of(RedisShared(RedisStore(redis_server.url), ttl=60)), FakeModel()
    cache.output(model, np.array([[0.0, 0.0]]), compute)
    if fault == "full":
        redis_server.admin.config_set("maxmemory", 1)
    elif fault == "replica":
        redis_server.admin.replicaof("127.0.0.1", 1)
    else:
        getattr(redis_server, fault)()
    taken = []
    for value in range(1, 21):
        started = perf_counter()
        outcome, _ = cache.output(model, np.array([[float(value), 0.0]]), compute)
        taken.append(perf_counter() - started)
        assert outcome.values.tolist() == [float(value)]
    # One of them waits for the 50 ms of the time limit, the others for nothing but a busy machine.
    assert sorted(taken)[len(taken) // 2] < 0.04


def test_a_flushed_redis_is_filled_again(redis_server, store, compute):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    for _ in range(2):
        assert cache_of(RedisShared(store, ttl=60)).output(model, row, compute)[1] == [False]
        redis_server.admin.flushall()
