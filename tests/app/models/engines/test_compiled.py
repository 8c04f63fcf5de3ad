"""What a compiled engine answers, and what it leaves to the model."""

import numpy as np
import pytest

from app.models.engines.compiled import MAX_ROWS, CompiledEngine, output_of
from app.models.engines.kernel import KernelSpec
from app.models.engines.preprocessing.label_steps import OneHot, Ordinal
from app.models.engines.preprocessing.number_steps import CenterScale, Polynomial, ScaleShift
from app.models.engines.preprocessing.preprocessor import Branch, Preprocessor
from app.models.schema.rows import Table


class Sums:
    """The sum of each row; NaN of a row that sums to 13."""

    name = "onnx"

    def __init__(self, **spec):
        self.spec = KernelSpec("f", "float64", False, "values", **spec)

    def run(self, matrix):
        sums = matrix.sum(axis=1)
        return np.where(sums == 13, np.nan, sums)[:, None]


def attempt(rows, preprocessor=None, **spec):
    outcome, left = CompiledEngine(preprocessor or Preprocessor(), Sums(**spec)).attempt(rows)
    return outcome.values.tolist(), left


def test_rows_in_range_are_answered():
    assert attempt(np.array([[1.0, 2.0], [3.0, 4.0]])) == ([3.0, 7.0], None)


def test_number_beyond_the_limit_is_left():
    values, left = attempt(np.array([[1.0, 2.0], [1e20, 4.0], [5.0, 6.0]]))
    assert (values[0], values[2], left) == (3.0, 11.0, [1])


def test_every_column_has_its_own_limit():
    rows = np.array([[50.0, 5.0], [50.0, 50.0], [500.0, 5.0]])
    assert attempt(rows, limit=(100.0, 10.0))[1] == [1, 2]


def test_call_of_such_rows_alone_has_no_outcome():
    assert attempt(np.array([[1e20, 4.0]])) == ([], [0])


def test_nan_is_left_unless_the_estimator_takes_it():
    rows = np.array([[1.0, 2.0], [np.nan, 4.0]])
    assert attempt(rows)[1] == [1]
    assert attempt(rows, nan=True)[1] == [1]  # its sum is no number
    assert attempt(np.array([[6.0, 7.0], [1.0, 1.0]]))[1] == [0]


def test_what_is_left_is_found_in_calls_of_many_parts():
    rows = np.ones((2 * MAX_ROWS + 10, 2))
    rows[[5, MAX_ROWS + 1, 2 * MAX_ROWS + 9]] = 1e20
    values, left = attempt(rows)
    assert left == [5, MAX_ROWS + 1, 2 * MAX_ROWS + 9]
    assert values[6] == values[-2] == 2.0


def test_label_that_the_encoder_refuses_is_left():
    encoder = Branch((0,), (OneHot((("a", "b"),), ((),)),), labels=True)
    table = Table(("x",), (np.array(["a", "z", "b"], dtype=object),))
    values, left = attempt(table, Preprocessor((encoder,)))
    assert (values[0], values[2], left) == (1.0, 1.0, [1])


def test_label_that_the_encoder_dropped_is_answered():
    encoder = Branch((0,), (OneHot((("b",),), (("a",),)),), labels=True)
    table = Table(("x",), (np.array(["a", "b"], dtype=object),))
    assert attempt(table, Preprocessor((encoder,))) == ([0.0, 1.0], None)


def test_label_that_becomes_nan_is_left():
    encoder = Branch((0,), (Ordinal((("a", "b"),), unknown=None, missing=None),), labels=True)
    table = Table(("x",), (np.array(["a", "z"], dtype=object),))
    assert attempt(table, Preprocessor((encoder,)))[1] == [1]


@pytest.mark.parametrize(
    ("steps", "limit", "reached"),
    [
        ((CenterScale((5.0,), (0.5,)),), 10.0, 30.0),
        ((ScaleShift((2.0,), (1.0,), (0.0, 1.0)),), 10.0, 21.0),  # before it is clipped
        ((CenterScale(None, (1e-300,)),), 1e10, np.inf),
        ((CenterScale(None, (0.1,)), CenterScale(None, (100.0,))), 10.0, 100.0),  # the largest on the way
    ],
)
def test_reach_of_steps_is_the_largest_number_on_the_way(steps, limit, reached):
    assert Preprocessor(steps=steps).reach(limit) == pytest.approx(reached)


def test_reach_of_products_is_their_power():
    cubes = Polynomial(width=3, bias=None, linear=((0, 0),), degrees=(((1, 0, 0),), ((2, 0, 1),)))
    assert Preprocessor(steps=(cubes,)).reach(1e3) == pytest.approx(1e9)


def read(rows, reading="probabilities", tie=1e-9):
    outcome, left = output_of(np.array(rows), KernelSpec("f", "float64", False, reading, tie=tie))
    return outcome.values.tolist(), left


TIED = [0.4, 0.4, 0.2]
CLEAR = [0.2, 0.5, 0.3]


@pytest.mark.parametrize("rows", [[TIED], [CLEAR, TIED]], ids=["alone", "in a batch"])
def test_rows_between_two_classes_are_left(rows):
    assert read(rows)[1] == [len(rows) - 1]


@pytest.mark.parametrize("rows", [[TIED], [CLEAR, TIED]], ids=["alone", "in a batch"])
def test_exact_engine_decides_ties_as_argmax_does(rows):
    assert read(rows, tie=None) == ([0] if len(rows) == 1 else [1, 0], None)


def test_label_that_is_too_close_to_call_is_left_by_an_engine_with_a_tie():
    assert read([[1.0], [-1.0]], "labelled")[1] == [1]
    assert read([[1.0], [-1.0]], "labelled", tie=None) == ([1, 0], None)


@pytest.mark.parametrize("rows", [[[np.nan, 0.5, 0.5]], [CLEAR, [np.inf, 0.0, 0.0]]])
def test_what_is_not_finite_is_left(rows):
    assert read(rows, tie=None)[1] == [len(rows) - 1]


def test_one_score_is_compared_with_zero():
    assert read([[2.0], [-2.0]], "scores") == ([1, 0], None)
    assert read([[1e-12]], "scores")[1] == [0]


def test_scores_tie_in_proportion_to_their_size():
    assert read([[1e12, 1e12 + 1.0]], "scores")[1] == [0]
    assert read([[1.0, 1.1]], "scores") == ([1], None)


def test_parts_follow_each_other_without_a_gap():
    rows = np.arange(2.0 * (2 * MAX_ROWS + 10)).reshape(-1, 2) * 2
    assert attempt(rows) == (rows.sum(axis=1).tolist(), None)
