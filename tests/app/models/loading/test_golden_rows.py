import json

import numpy as np
import pytest

from app.exceptions import ArtifactInvalid
from app.models.engines.output import EngineOutput
from app.models.loading import golden_rows, loader
from app.models.publishing.publish import publish
from app.models.schema.signature import OutputSignature
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted


@pytest.mark.parametrize("rows", [1, 7, 19, 20, 1000])
def test_at_least_twenty_rows_are_kept_with_their_answers(store, rows):
    sample = np.random.default_rng(0).uniform(0, 10, size=(rows, 3))
    publish(store, fitted(SumRegressor()), sample=sample, version="v1")
    recorded = store.metadata("v1")["golden"]
    assert 20 <= len(recorded["rows"]) <= 50
    assert recorded["values"] == pytest.approx([sum(row) for row in recorded["rows"]])


def test_every_predicted_class_is_among_them(store):
    sample = np.zeros((1000, 3))
    sample[777] = 10
    publish(store, fitted(SumClassifier()), sample=sample, version="v1")
    assert set(store.metadata("v1")["golden"]["values"]) == {0, 1}


@pytest.mark.parametrize(
    ("estimator", "part", "value"),
    [
        (SumRegressor(), "values", 0.001),
        (SumClassifier(), "values", 1),
        (SumClassifier(), "probabilities", 0.001),
    ],
)
def test_version_with_another_recorded_answer_does_not_load(store, estimator, part, value):
    publish(store, fitted(estimator), sample=BOXES, version="v1")
    path = store.root / "model_v1" / "metadata.json"
    metadata = json.loads(path.read_bytes())
    answers = np.asarray(metadata["golden"][part], dtype=float)
    answers.flat[0] += value
    metadata["golden"][part] = answers.tolist()
    path.write_text(json.dumps(metadata))
    with pytest.raises(ArtifactInvalid, match="golden rows"):
        loader.load(store, "v1", loader.LoadingOptions())


def outcome(values, probabilities=None):
    return EngineOutput(np.array(values), None if probabilities is None else np.array(probabilities))


NUMBERS = OutputSignature("regression", center=(0.0,), spread=(1.0,))
LABELS = OutputSignature("classification", (0, 1), True)


def disagreement(values, answers, probabilities=None, output=None):
    recorded = {"rows": [], "values": values, "probabilities": probabilities}
    return golden_rows.disagreement(recorded, answers, output or (LABELS if probabilities else NUMBERS))


def test_same_answers_agree():
    assert disagreement([1.0, 2.0], outcome([1.0, 2.0])) is None
    assert disagreement([0], outcome([0], [[0.6, 0.4]]), [[0.6, 0.4]]) is None


@pytest.mark.parametrize(
    ("center", "spread", "recorded", "answered", "agrees"),
    [
        (0.0, 1.0, 0.5, 0.5 + 9e-6, True),
        (0.0, 1.0, 0.5, 0.5 + 1.1e-5, False),
        (1e-4, 1e-5, 1e-4, 1e-4 + 9e-11, True),
        (1e-4, 1e-5, 1e-4, 1e-4 + 1e-9, False),  # a target that is small all over
        (1e6, 1.0, 1e6, 1e6 + 1e-4, False),  # one that is large, and hardly varies
        (0.0, 1.0, 1e6, 1e6 + 9.0, True),  # far beyond what it was trained on
    ],
)
def test_values_agree_within_the_spread_of_the_models_answers(center, spread, recorded, answered, agrees):
    numbers = OutputSignature("regression", center=(center,), spread=(spread,))
    assert (disagreement([recorded], outcome([answered]), output=numbers) is None) is agrees


def test_labels_are_those_recorded_even_where_two_classes_tie():
    assert disagreement([0], outcome([1], [[0.5, 0.5]]), [[0.5, 0.5]]) is not None


def test_answers_of_another_form_disagree():
    assert "shape" in disagreement([1.0, 2.0], outcome([1.0]))
    assert "missing" in disagreement([0], outcome([0]), [[0.6, 0.4]])
    assert "differ" in disagreement([0], outcome([0], [[0.7, 0.3]]), [[0.6, 0.4]])
    assert "differ" in disagreement([0], outcome([0], [[np.nan, 0.4]]), [[0.6, 0.4]])


def test_rows_that_are_close_in_any_of_several_labels_are_left_out():
    """A compiled engine may leave them to the original, which need not be installed."""
    output = OutputSignature("classification", probabilities=True, targets=((0, 1), (0, 1, 2)))
    probabilities = np.tile([0.9, 0.1, 0.2, 0.7, 0.1], (60, 1))
    probabilities[::2, 2:] = [0.4999, 0.4998, 0.0003]
    predicted = EngineOutput(np.tile([0, 1], (60, 1)), probabilities)
    chosen = golden_rows.choose(predicted, output)
    assert len(chosen) >= golden_rows.MIN_ROWS
    assert all(position % 2 for position in chosen)


RECORDED = {"values": [0, 1, 1], "probabilities": [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]}


@pytest.mark.parametrize(
    ("values", "probabilities"),
    [([0, 0, 1], RECORDED["probabilities"]), ([0, 1, 1], [[0.9, 0.1], [0.0, 0.0], [0.3, 0.7]])],
    ids=["label", "probabilities"],
)
def test_rows_left_to_the_original_are_not_compared(values, probabilities):
    predicted, output = outcome(values, probabilities), OutputSignature("classification", (0, 1), True)
    assert golden_rows.disagreement(RECORDED, predicted, output, left=[1]) is None
    assert golden_rows.disagreement(RECORDED, predicted, output, left=[2]) is not None


def test_where_all_are_left_there_is_no_answer_to_compare():
    nothing, output = EngineOutput(np.empty(0), None), OutputSignature("classification", (0, 1), True)
    assert golden_rows.disagreement(RECORDED, nothing, output, left=[0, 1, 2]) is None
