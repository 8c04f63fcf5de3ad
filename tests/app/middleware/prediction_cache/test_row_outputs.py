import pickle
from pathlib import Path

import msgpack
import numpy as np
import pytest

from app.middleware.prediction_cache.row_outputs import join, pack, split, unpack
from app.models.engines.output import EngineOutput
from app.models.schema.signature import OutputSignature
from tests.app.middleware.prediction_cache.fakes import (
    CLASSES,
    FakeModel,
)


def test_outcomes_are_taken_apart_and_put_together_again():
    outcome = EngineOutput(np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))
    again = join(split(outcome))
    assert again.values.tolist() == [1, 0]
    assert again.probabilities.tolist() == outcome.probabilities.tolist()
    several = join(split(EngineOutput(np.array([[1.0, 2.0], [3.0, 4.0]]), None)))
    assert (several.values.tolist(), several.probabilities) == ([[1.0, 2.0], [3.0, 4.0]], None)


CLASSIFIER = {"output": CLASSES, "golden": {"values": [0], "probabilities": [[0.5, 0.5]]}}


REGRESSOR = {"golden": {"values": [0.0], "probabilities": None}}


TWO_VALUES = {"golden": {"values": [[0.0, 0.0]], "probabilities": None}}


SEVERAL_LABELS = {
    "output": OutputSignature("classification", probabilities=True, targets=((0, 1), ("a", "b", "c"))),
    "golden": {"values": [[0, 2]], "probabilities": [[0.5, 0.5, 0.2, 0.2, 0.6]]},
}


SCORED = {
    "output": OutputSignature("outlier_detection", (-1, 1), center=(0.0,), spread=(1.0,), scored=True),
    "golden": {"values": [1], "probabilities": [[0.5]]},
}


@pytest.mark.parametrize(
    ("model", "outcome"),
    [
        (SEVERAL_LABELS, EngineOutput(np.array([[1, 2]]), np.array([[0.1, 0.9, 0.0, 0.0, 1.0]]))),
        (SCORED, EngineOutput(np.array([0]), np.array([[-12.5]]))),
        (CLASSIFIER, EngineOutput(np.array([1]), np.array([[0.1, 0.9]]))),
        (REGRESSOR, EngineOutput(np.array([0.1 + 0.2]), None)),
        (REGRESSOR, EngineOutput(np.array([-0.0]), None)),
        (TWO_VALUES, EngineOutput(np.array([[1.5, 2.5]]), None)),
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


@pytest.mark.parametrize("value", [1, [0], [0, 3], [2, 0], [0, -1], [0.0, 1], [True, 1], [0, 1, 2]])
def test_poison_in_the_place_of_several_labels_is_nothing(value):
    beside = SEVERAL_LABELS["golden"]["probabilities"][0]
    assert unpack(msgpack.packb([[0, 1], beside]), FakeModel(**SEVERAL_LABELS)) is not None
    assert unpack(msgpack.packb([value, beside]), FakeModel(**SEVERAL_LABELS)) is None
    assert unpack(msgpack.packb([[0, 1], [*beside[:4], 1.5]]), FakeModel(**SEVERAL_LABELS)) is None


@pytest.mark.parametrize("score", [None, 0.5, [], [0.5, 0.5], [float("nan")], [1], ["0.5"]])
def test_poison_in_the_place_of_a_score_is_nothing(score):
    assert unpack(msgpack.packb([0, score]), FakeModel(**SCORED)) is None


def test_a_pickle_is_not_unpickled(tmp_path):
    canary = tmp_path / "canary"
    assert unpack(pickle.dumps(Canary(canary)), FakeModel(**REGRESSOR)) is None
    assert not canary.exists()
