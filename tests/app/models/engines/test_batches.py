"""Calls of many rows go to another engine, once that is ready, and never wait for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from app.models.engines import MANY_ROWS
from app.models.engines.batches import BatchingEngine
from app.models.engines.kernel import KernelSpec
from app.models.engines.output import EngineOutput
from app.models.engines.preprocessing.preprocessor import Preprocessor

FEW, MANY = np.zeros((MANY_ROWS - 1, 2)), np.zeros((MANY_ROWS, 2))
OWN, OTHERS = 1.0, 2.0


class Ones:
    name = "onnx"
    spec = KernelSpec("f", "float64", rounded=False, reading="values")

    def run(self, matrix):
        return np.full((len(matrix), 1), OWN)


def other(rows):
    return EngineOutput(np.full(len(rows), OTHERS), None), None


class Loading:
    """Makes the other engine when it is told to, and counts how often."""

    def __init__(self, attempt=other):
        self.calls, self.may_go_on, self.attempt = 0, threading.Event(), attempt

    def __call__(self):
        self.calls += 1
        assert self.may_go_on.wait(30)
        if isinstance(self.attempt, Exception):
            raise self.attempt
        return SimpleNamespace(name="numba", attempt=self.attempt)


def answers(engine, rows):
    return set(engine.attempt(rows)[0].values.tolist())


def ended():
    for thread in threading.enumerate():
        if thread.name == "engine for batches":
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def failures():
    """The names of engines that failed."""
    return []


@pytest.fixture
def made(failures):
    """An engine and what loads the other."""

    def made(attempt=other):
        loading = Loading(attempt)
        engine = BatchingEngine(Preprocessor(), Ones(), load=loading, on_failure=failures.append)
        return engine, loading

    return made


def test_calls_of_few_rows_load_nothing(made):
    engine, loading = made()
    loading.may_go_on.set()
    assert answers(engine, FEW) == {OWN}
    ended()
    assert loading.calls == 0


def test_calls_of_many_rows_are_answered_while_the_other_engine_is_made_and_then_by_it(made, caplog):
    caplog.set_level("INFO")
    engine, loading = made()
    assert answers(engine, MANY) == answers(engine, MANY) == {OWN}
    loading.may_go_on.set()
    ended()
    assert (answers(engine, MANY), answers(engine, FEW)) == ({OTHERS}, {OWN})
    assert loading.calls == 1
    assert [(record.msg, record.engine) for record in caplog.records] == [
        ("engine for batches is ready", "numba")
    ]


def test_an_engine_that_cannot_be_made_is_not_tried_again(made, caplog):
    engine, loading = made(OSError("no compiler"))
    loading.may_go_on.set()
    for _ in range(3):
        assert answers(engine, MANY) == {OWN}
        ended()
    assert loading.calls == 1
    assert [record.msg for record in caplog.records] == ["engine for batches cannot be made"]


def test_an_engine_that_fails_is_counted_and_left_for_good_and_the_call_is_answered(made, failures, caplog):
    def failing(rows):
        raise RuntimeError("a fault")

    engine, loading = made(failing)
    loading.may_go_on.set()
    engine.attempt(MANY)
    ended()
    for _ in range(3):
        assert answers(engine, MANY) == {OWN}
        ended()
    assert loading.calls == 1
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == [
        "engine for batches failed"
    ]
    assert failures == ["numba"]


def test_rows_that_the_other_engine_leaves_open_stay_open(made):
    engine, loading = made(lambda rows: (other(rows)[0], [3]))
    loading.may_go_on.set()
    engine.attempt(MANY)
    ended()
    assert engine.attempt(MANY)[1] == [3]


def test_one_fault_of_several_calls_is_counted_once(made, failures):
    together = threading.Barrier(4)

    def failing(rows):
        together.wait(30)
        raise RuntimeError("a fault")

    engine, loading = made(failing)
    loading.may_go_on.set()
    engine.attempt(MANY)
    ended()
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda _: answers(engine, MANY), range(4))] == [{OWN}] * 4
    assert failures == ["numba"]
