import numpy as np
import pytest

from app.models.engines.compiled import CompiledEngine
from app.models.engines.kernel import KernelSpec
from app.models.engines.lone import LoneEngine, OutsideCertificate
from app.models.engines.preprocessing.preprocessor import Preprocessor


class Scores:
    """Gives each row's numbers as the probabilities of two classes."""

    name = "scores"
    spec = KernelSpec("", "float64", False, "probabilities", limit=(10.0,))

    def run(self, matrix):
        return matrix


@pytest.fixture
def engine():
    return LoneEngine(CompiledEngine(Preprocessor(), Scores()))


def test_a_tie_is_answered_by_its_own_numbers(engine):
    assert engine.predict(np.array([[0.5, 0.5], [0.2, 0.8]])).values.tolist() == [0, 1]


class Labels:
    """Gives each row as the codes of two targets, of which a negative one is too close to call."""

    name = "labels"
    spec = KernelSpec("", "float64", False, "labelled", targets=2)

    def run(self, matrix):
        return matrix


def test_a_tie_of_one_of_several_targets_is_answered_too():
    engine = LoneEngine(CompiledEngine(Preprocessor(), Labels()))
    assert engine.predict(np.array([[1.0, -1.0], [-3.0, 1.0]])).values.tolist() == [[1, 0], [2, 1]]


def test_rows_out_of_range_are_refused_with_the_reason(engine):
    with pytest.raises(OutsideCertificate, match="beyond what the certificate covers"):
        engine.predict(np.array([[0.2, 0.8], [11.0, 0.0]]))
    with pytest.raises(OutsideCertificate):
        engine.predict(np.array([[np.nan, 0.0]]))
