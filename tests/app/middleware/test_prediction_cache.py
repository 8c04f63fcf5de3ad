import pickle
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event, Thread
from time import perf_counter
from types import SimpleNamespace

import msgpack
import numpy as np
import pytest
from cachetools import TTLCache

from app.middleware.prediction_cache.keys import Keyring, canonical
from app.middleware.prediction_cache.outcomes import join, pack, split, unpack
from app.middleware.prediction_cache.shared import PREFIX, NoShared, RedisShared
from app.middleware.prediction_cache.tiered import LOCAL_US, SHARED_US, TieredCache
from app.middleware.redis_store import RedisStore
from app.models.predictions import Outcome
from app.models.rows import Table
from app.models.signature import Feature, InputSignature, OutputSignature

CLASSES = OutputSignature("classification", ("small", "large"), probabilities=True)
NUMBERS = OutputSignature("regression")
MERSENNE = 2**61 - 1


class FakeModel:
    """As much of a loaded model as a cache looks at."""

    def __init__(self, *, content="a", engine="onnx", us=None, output=NUMBERS, golden=None, names=("x", "y")):
        self.engine = SimpleNamespace(name=engine)
        self.output = output
        self.signature = InputSignature(
            tuple(Feature(name, "number", nullable=True) for name in names), "array"
        )
        certificate = {} if us is None else {"median_us": {"1": us}}
        self.metadata = {
            "files": {"model.pkl": {"sha256": content}},
            "output": output.to_dict(),
            "certificates": {engine: certificate},
            "golden": golden or {"values": [0.0], "probabilities": None},
        }


class Sums:
    """Computes each row's sum and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, rows):
        self.calls.append(len(rows))
        return Outcome(np.sum(rows, axis=1), None)


class FakeShared:
    """A dictionary in the place of Redis."""

    configured = True

    def __init__(self) -> None:
        self.outcomes: dict[bytes, Outcome] = {}
        self.asked: list[int] = []

    def get(self, keys, model):
        self.asked.append(len(keys))
        return {key: self.outcomes[key] for key in keys if key in self.outcomes}

    def set(self, outcomes):
        self.outcomes.update(outcomes)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def cache_of(shared=None, *, size=1000, ttl=60, clock=None) -> TieredCache:
    return TieredCache(TTLCache(size, ttl, timer=clock or Clock()), shared or NoShared())


def in_threads(number: int, work: Callable[[int], object]) -> None:
    threads = [Thread(target=work, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def keys_of(rows, model=None) -> list[bytes]:
    model = model or FakeModel()
    return Keyring(model, model.engine.name).keys(canonical(rows, nullable=True))


@pytest.fixture
def compute() -> Sums:
    return Sums()


def test_a_row_is_computed_once_and_remembered(compute):
    cache, model = cache_of(), FakeModel()
    row = np.array([[1.0, 2.0]])
    for expected in ([False], [True], [True]):
        outcome, cached = cache.outcome(model, row, compute)
        assert (outcome.values.tolist(), cached) == ([3.0], expected)
    assert compute.calls == [1]


def test_rows_of_a_batch_are_looked_up_one_by_one_and_the_misses_computed_in_one_call(compute):
    cache, model = cache_of(), FakeModel()
    cache.outcome(model, np.array([[2.0, 2.0]]), compute)
    batch = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [1.0, 1.0]])
    outcome, cached = cache.outcome(model, batch, compute)
    assert outcome.values.tolist() == [2.0, 4.0, 6.0, 2.0]
    assert cached == [False, True, False, False]
    assert compute.calls == [1, 2]


def test_what_is_remembered_is_forgotten_after_its_time(compute):
    clock = Clock()
    cache, model = cache_of(ttl=60, clock=clock), FakeModel()
    row = np.array([[1.0, 2.0]])
    for now, expected in ((0.0, [False]), (59.0, [True]), (60.0, [False])):
        clock.now = now
        assert cache.outcome(model, row, compute)[1] == expected


def test_the_least_recently_used_row_makes_room(compute):
    cache, model = cache_of(size=2), FakeModel()
    for value in (1.0, 2.0, 3.0):
        cache.outcome(model, np.array([[value, 0.0]]), compute)
    assert [cache.outcome(model, np.array([[v, 0.0]]), compute)[1] for v in (3.0, 2.0, 1.0)] == [
        [True],
        [True],
        [False],
    ]


def test_what_is_remembered_cannot_be_changed_by_those_who_got_it(compute):
    cache, model = cache_of(), FakeModel()
    outcome, _ = cache.outcome(model, np.array([[1.0, 2.0]]), compute)
    with pytest.raises(ValueError, match="read-only"):
        outcome.values[0] = 7.0


def test_models_with_other_files_engines_or_outputs_share_nothing():
    row = np.array([[1.0, 2.0]])
    models = [
        FakeModel(),
        FakeModel(content="b"),
        FakeModel(engine="sklearn"),
        FakeModel(output=CLASSES),
        FakeModel(names=("y", "x")),
    ]
    assert len({keys_of(row, model)[0] for model in models}) == len(models)
    assert keys_of(row, FakeModel()) == keys_of(row, FakeModel())


def test_a_recertified_engine_that_is_called_differently_has_keys_of_its_own():
    row, one, other = np.array([[1.0, 2.0]]), FakeModel(), FakeModel()
    other.metadata["certificates"]["onnx"]["kernel"] = {"rounded": True}
    assert keys_of(row, one) != keys_of(row, other)


def test_an_engine_put_out_of_service_changes_the_keys(compute):
    cache, model = cache_of(), FakeModel(engine="onnx")
    row = np.array([[1.0, 2.0]])
    cache.outcome(model, row, compute)
    model.engine.name = "sklearn"
    assert cache.outcome(model, row, compute)[1] == [False]


def test_the_key_is_made_of_values_not_of_how_they_lie_in_memory():
    rows = np.arange(6.0).reshape(3, 2)
    expected = keys_of(rows)
    assert keys_of(np.asfortranarray(rows)) == expected
    assert keys_of(rows.astype(int)) == expected
    assert keys_of(rows.astype(np.float32)) == expected
    assert [keys_of(row[None])[0] for row in rows] == expected
    assert len(set(expected)) == 3


def test_every_nan_is_the_same_missing_value():
    (other,) = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)
    assert keys_of(np.array([[np.nan, 1.0]])) == keys_of(np.array([[-np.nan, 1.0]]))
    assert keys_of(np.array([[np.nan, 1.0]])) == keys_of(np.array([[other, 1.0]]))


def test_zero_and_minus_zero_are_two_values():
    assert keys_of(np.array([[0.0, 1.0]])) != keys_of(np.array([[-0.0, 1.0]]))


def table(*cells) -> Table:
    columns = [np.array(cells, dtype=object), np.zeros(len(cells))]
    return Table(("x", "y"), tuple(columns))


def test_cells_of_a_table_differ_by_type_and_value():
    cells = [None, "", "1", 1, True, 1.5, 0, False, "None", 10**30, "a\ud800", str(10**30)]
    assert len(set(keys_of(table(*cells)))) == len(cells)
    assert keys_of(table("a", None))[1] == keys_of(table(None))[0]


def test_cells_of_a_table_cannot_run_into_each_other():
    def row(*cells):
        return Table(("x", "y"), tuple(np.array([cell], dtype=object) for cell in cells))

    assert keys_of(row("ab", "c")) != keys_of(row("a", "bc"))


def test_missing_numbers_of_a_table_are_one_value():
    rows = Table(("x", "y"), (np.array([np.nan, -np.nan]), np.array([1.0, 1.0])))
    assert len(set(keys_of(rows))) == 1


@pytest.mark.parametrize(
    "rows", [lambda step: table(*(step * i for i in range(20_000))),
             lambda step: np.arange(20_000.0)[:, None] * [float(step), 0.0]], ids=["table", "matrix"]
)  # fmt: skip
def test_values_of_equal_hash_are_as_quick_as_others(rows):
    def seconds(step: int) -> float:
        prepared = rows(step)
        taken = []
        for _ in range(3):
            cache = cache_of(size=20_000)
            started = perf_counter()
            cache.outcome(FakeModel(), prepared, lambda rows: Outcome(np.zeros(len(rows)), None))
            taken.append(perf_counter() - started)
        return min(taken)

    assert {hash(MERSENNE * i) for i in range(20_000)} == {0}
    assert seconds(MERSENNE) <= 2 * seconds(1_000_003)


def test_concurrent_equal_requests_compute_once():
    cache, model = cache_of(), FakeModel()
    entered, finish = Event(), Event()
    calls, answers = [], []

    def compute(rows):
        calls.append(len(rows))
        entered.set()
        assert finish.wait(10)
        return Outcome(rows.sum(axis=1), None)

    def ask(index: int) -> None:
        if index:
            assert entered.wait(10)
        if index == 19:
            finish.set()
        answers.append(cache.outcome(model, np.array([[1.0, 2.0]]), compute))

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
                cache.outcome(model, row, failing)
            except RuntimeError as error:
                errors.append(error)
        else:
            assert entered.wait(10)
            if index == 9:
                fail.set()
            outcomes.append(cache.outcome(model, row, Sums())[0].values.tolist())

    in_threads(10, ask)
    assert len(errors) == 1
    assert outcomes == [[3.0]] * 9


def test_a_failure_leaves_no_flight_behind(compute):
    def failing(rows):
        raise RuntimeError

    cache, model, row = cache_of(), FakeModel(), np.array([[1.0, 2.0]])
    with pytest.raises(RuntimeError):
        cache.outcome(model, row, failing)
    assert cache.outcome(model, row, compute)[1] == [False]


def test_batches_that_need_each_others_rows_do_not_wait_for_ever():
    cache, model = cache_of(), FakeModel()
    together = Barrier(8)
    answers = {}

    def ask(index: int) -> None:
        order = np.random.default_rng(index).permutation(50)
        together.wait(10)
        outcome, _ = cache.outcome(model, np.column_stack((order, order)).astype(float), Sums())
        answers[index] = (outcome.values == 2 * order).all()

    in_threads(8, ask)
    assert all(answers[index] for index in range(8))


@pytest.mark.parametrize(("us", "looked"), [(LOCAL_US / 2, []), (LOCAL_US, []), (LOCAL_US + 1, [True])])
def test_one_row_of_an_engine_as_fast_as_the_cache_is_not_looked_up(compute, us, looked):
    cache, model, row = cache_of(), FakeModel(us=us), np.array([[1.0, 2.0]])
    cache.outcome(model, row, compute)
    assert cache.outcome(model, row, compute)[1] == looked


@pytest.mark.parametrize(("us", "asked"), [(15.0, []), (SHARED_US, []), (SHARED_US + 1, [1]), (None, [1])])
def test_one_row_of_an_engine_faster_than_redis_stays_in_the_worker(compute, us, asked):
    shared = FakeShared()
    cache_of(shared).outcome(FakeModel(us=us), np.array([[1.0, 2.0]]), compute)
    assert shared.asked == asked
    assert len(shared.outcomes) == len(asked)


def test_a_batch_is_looked_up_whatever_the_engine(compute):
    shared, model, batch = FakeShared(), FakeModel(us=1.0), np.array([[1.0, 2.0], [3.0, 4.0]])
    cache = cache_of(shared)
    cache.outcome(model, batch, compute)
    assert cache.outcome(model, batch, compute)[1] == [True, True]
    assert shared.asked == [2]


def test_workers_share_what_one_of_them_computed(compute):
    shared, model = FakeShared(), FakeModel()
    batch = np.array([[1.0, 2.0], [3.0, 4.0]])
    cache_of(shared).outcome(model, batch[:1], compute)
    worker = cache_of(shared)
    outcome, cached = worker.outcome(model, batch, compute)
    assert (outcome.values.tolist(), cached) == ([3.0, 7.0], [True, False])
    worker.outcome(model, batch, compute)
    assert (shared.asked, compute.calls) == ([1, 2], [1, 1])


def test_outcomes_are_taken_apart_and_put_together_again():
    outcome = Outcome(np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))
    again = join(split(outcome))
    assert again.values.tolist() == [1, 0]
    assert again.probabilities.tolist() == outcome.probabilities.tolist()
    several = join(split(Outcome(np.array([[1.0, 2.0], [3.0, 4.0]]), None)))
    assert (several.values.tolist(), several.probabilities) == ([[1.0, 2.0], [3.0, 4.0]], None)


CLASSIFIER = {"output": CLASSES, "golden": {"values": [0], "probabilities": [[0.5, 0.5]]}}
REGRESSOR = {"golden": {"values": [0.0], "probabilities": None}}
TWO_VALUES = {"golden": {"values": [[0.0, 0.0]], "probabilities": None}}


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        (CLASSIFIER, Outcome(np.array([1]), np.array([[0.1, 0.9]]))),
        (REGRESSOR, Outcome(np.array([0.1 + 0.2]), None)),
        (REGRESSOR, Outcome(np.array([-0.0]), None)),
        (TWO_VALUES, Outcome(np.array([[1.5, 2.5]]), None)),
    ],
)
def test_packed_outcomes_come_back_bit_for_bit(model, outcome):
    again = unpack(pack(outcome), FakeModel(**model))
    assert again.values.tobytes() == outcome.values.tobytes()
    assert again.values.shape == outcome.values.shape
    if outcome.probabilities is not None:
        assert again.probabilities.tobytes() == outcome.probabilities.tobytes()


class Canary:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


HALVES = [0.5, 0.5]
POISON = {
    "nothing": b"",
    "a number": msgpack.packb(1),
    "text": b"hello",
    "a map": msgpack.packb({"a": 1, "b": 2}),
    "one item": msgpack.packb([1]),
    "three items": msgpack.packb([1, HALVES, 0]),
    "cut short": msgpack.packb([1, HALVES])[:-1],
    "something behind": msgpack.packb([1, HALVES]) + b"\0",
    "a class too high": msgpack.packb([2, HALVES]),
    "a negative class": msgpack.packb([-1, HALVES]),
    "a boolean": msgpack.packb([True, HALVES]),
    "a float for a class": msgpack.packb([1.0, HALVES]),
    "a label": msgpack.packb(["large", HALVES]),
    "no probabilities": msgpack.packb([1, None]),
    "three classes": msgpack.packb([1, [0.2, 0.3, 0.5]]),
    "NaN": msgpack.packb([1, [0.5, float("nan")]]),
    "infinity": msgpack.packb([1, [0.5, float("inf")]]),
    "more than certain": msgpack.packb([1, [0.5, 1.5]]),
    "whole numbers": msgpack.packb([1, [0, 1]]),
    "numbers as text": msgpack.packb([1, ["0.5", "0.5"]]),
    "nested too deep": b"\x91" * 5000,
    "a giant announced": b"\xdd\xff\xff\xff\xff",
    "an extension": msgpack.packb(msgpack.ExtType(1, b"x")),
}


@pytest.mark.parametrize("content", POISON.values(), ids=POISON)
def test_poison_in_the_place_of_a_classification_is_nothing(content):
    assert unpack(content, FakeModel(**CLASSIFIER)) is None


@pytest.mark.parametrize("value", [1, None, "1", [1.0], float("nan"), float("-inf"), True])
def test_poison_in_the_place_of_a_number_is_nothing(value):
    assert unpack(msgpack.packb([value, None]), FakeModel(**REGRESSOR)) is None
    assert unpack(msgpack.packb([1.0, HALVES]), FakeModel(**REGRESSOR)) is None


@pytest.mark.parametrize("value", [1.0, [1.0], [1.0, 2.0, 3.0], [1.0, float("nan")], [1.0, 2]])
def test_poison_in_the_place_of_several_numbers_is_nothing(value):
    assert unpack(msgpack.packb([value, None]), FakeModel(**TWO_VALUES)) is None


def test_a_pickle_is_not_unpickled(tmp_path):
    canary = tmp_path / "canary"
    assert unpack(pickle.dumps(Canary(canary)), FakeModel(**REGRESSOR)) is None
    assert not canary.exists()


@pytest.fixture
def store(redis_server) -> RedisStore:
    return RedisStore(redis_server.url)


def test_redis_is_asked_once_for_all_rows_of_a_batch_and_told_once(redis_server, store, compute):
    model, batch = FakeModel(), np.arange(200.0).reshape(100, 2)
    cache_of(RedisShared(store, ttl=60)).outcome(model, batch, compute)
    outcome, cached = cache_of(RedisShared(store, ttl=60)).outcome(model, batch, compute)
    assert outcome.values.tolist() == batch.sum(axis=1).tolist()
    assert cached == [True] * 100
    calls = redis_server.client.info("commandstats")
    assert (calls["cmdstat_mget"]["calls"], calls["cmdstat_set"]["calls"]) == (2, 100)
    key = redis_server.client.keys()[0]
    assert 0 < redis_server.client.ttl(key) <= 60


@pytest.mark.parametrize("content", [POISON["text"], POISON["three classes"], pickle.dumps([1, HALVES])])
def test_poison_in_redis_is_a_miss_and_is_replaced(redis_server, store, compute, content):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    redis_server.client.set(PREFIX + keys_of(row)[0], content)
    for expected in ([False], [True]):
        outcome, cached = cache_of(RedisShared(store, ttl=60)).outcome(model, row, compute)
        assert (outcome.values.tolist(), cached) == ([3.0], expected)


def test_a_key_of_another_type_is_a_miss(redis_server, store, compute):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    redis_server.client.lpush(PREFIX + keys_of(row)[0], "x")
    assert cache_of(RedisShared(store, ttl=60)).outcome(model, row, compute)[1] == [False]


@pytest.mark.parametrize("fault", ["freeze", "stop", "full", "replica"])
def test_predictions_go_on_without_redis(redis_server, store, compute, fault):
    cache, model = cache_of(RedisShared(store, ttl=60)), FakeModel()
    cache.outcome(model, np.array([[0.0, 0.0]]), compute)
    if fault == "full":
        redis_server.client.config_set("maxmemory", 1)
    elif fault == "replica":
        redis_server.client.replicaof("127.0.0.1", 1)
    else:
        getattr(redis_server, fault)()
    taken = []
    for value in range(1, 21):
        started = perf_counter()
        outcome, _ = cache.outcome(model, np.array([[float(value), 0.0]]), compute)
        taken.append(perf_counter() - started)
        assert outcome.values.tolist() == [float(value)]
    # One of them waits for the time limit, the others for nothing; generous for a busy machine.
    assert sorted(taken)[-1] < 0.5
    assert sorted(taken)[-2] < 0.04


def test_a_flushed_redis_is_filled_again(redis_server, store, compute):
    model, row = FakeModel(), np.array([[1.0, 2.0]])
    for _ in range(2):
        assert cache_of(RedisShared(store, ttl=60)).outcome(model, row, compute)[1] == [False]
        redis_server.client.flushall()


def test_a_model_is_let_go_after_a_switch(compute):
    from weakref import ref

    cache, model = cache_of(), FakeModel()
    cache.outcome(model, np.array([[1.0, 2.0]]), compute)
    gone = ref(model)
    del model
    assert gone() is None
