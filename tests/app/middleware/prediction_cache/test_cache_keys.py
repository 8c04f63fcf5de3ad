from time import thread_time

import numpy as np
import pytest

from app.models.engines.output import EngineOutput
from app.models.schema.rows import Table
from tests.app.middleware.prediction_cache.fakes import CLASSES, FakeModel, cache_of, keys_of

MERSENNE = 2**61 - 1


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
    "rows", [lambda step: table(*(step * i for i in range(8_000))),
             lambda step: np.arange(8_000.0)[:, None] * [float(step), 0.0]], ids=["table", "matrix"]
)  # fmt: skip
def test_values_of_equal_hash_are_as_quick_as_others(rows):
    def seconds(prepared: object) -> float:
        cache = cache_of(size=8_000)
        started = thread_time()  # which a busy machine does not stretch as much
        cache.output(FakeModel(), prepared, lambda rows: EngineOutput(np.zeros(len(rows)), None))
        return thread_time() - started

    assert {hash(MERSENNE * i) for i in range(8_000)} == {0}
    hostile, ordinary = rows(MERSENNE), rows(1_000_003)
    # By turns, so that a disturbance meets both.
    times = [(seconds(hostile), seconds(ordinary)) for _ in range(7)]
    # Equal hashes in a table would make it hundreds of times as slow; a busy machine makes it twice.
    assert min(time for time, _ in times) <= 10 * min(time for _, time in times)
