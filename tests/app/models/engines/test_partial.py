import numpy as np
import pytest

from app.exceptions import ModelNotLoaded
from app.models.engines.output import EngineOutput
from app.models.engines.partial import NotFinite, predict_partially


class Counting:
    """Doubles the rows' only number; raises for one of ``bad``."""

    def __init__(self, *bad):
        self.bad = set(bad)
        self.calls = 0

    def __call__(self, rows):
        self.calls += 1
        values = rows[:, 0]
        if self.bad & set(values.tolist()):
            raise ValueError("bad")
        return EngineOutput(values * 2, None)


def rows(*numbers):
    return np.array(numbers, dtype=float)[:, None]


def test_all_rows_are_one_call():
    predict = Counting()
    found = predict_partially(predict, rows(1, 2, 3))
    assert (found.answered, found.output.values.tolist(), predict.calls) == ([0, 1, 2], [2.0, 4.0, 6.0], 1)


@pytest.mark.parametrize("bad", [(5,), (0, 99), (3, 4, 50)])
def test_bad_rows_are_found_among_a_hundred_by_halving(bad):
    predict = Counting(*bad)
    found = predict_partially(predict, rows(*range(100)))
    assert sorted(found.errors) == list(bad)
    assert len(found.answers) == 100 - len(bad)
    assert predict.calls <= 2 * 8 * len(bad)


def test_answer_that_is_not_finite_is_that_rows_error():
    found = predict_partially(
        lambda rows: EngineOutput(np.where(rows[:, 0] == 2, np.inf, 1.0), None), rows(1, 2, 3)
    )
    assert list(found.errors) == [1]
    assert isinstance(found.errors[1], NotFinite)


def test_probabilities_that_are_not_finite_are_that_rows_error():
    def predict(rows):
        return EngineOutput(np.zeros(len(rows), dtype=int), np.where(rows == 2, np.nan, [[0.5, 0.5]]))

    assert list(predict_partially(predict, rows(1, 2, 3)).errors) == [1]


def test_rows_are_left_undecided_when_the_calls_are_used_up():
    found = predict_partially(Counting(5), rows(*range(100)), max_calls=3)
    assert found.errors == {}
    assert len(found.answers) < 100


@pytest.mark.parametrize("error", [MemoryError, ModelNotLoaded])
def test_what_says_nothing_about_a_row_is_raised(error):
    def predict(rows):
        raise error

    with pytest.raises(error):
        predict_partially(predict, rows(1))
