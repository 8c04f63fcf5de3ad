import json

import numpy as np
import pytest

from app.exceptions import ArtifactInvalid
from app.models import golden, loading
from app.models.publishing import publish
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
        loading.load(store, "v1", loading.LoadingOptions())


def outcome(values, probabilities=None):
    from app.models.predictions import Outcome

    return Outcome(np.array(values), None if probabilities is None else np.array(probabilities))


def recorded(values, probabilities=None):
    return {"rows": [], "values": values, "probabilities": probabilities}


def test_same_answers_agree():
    assert golden.disagreement(recorded([1.0, 2.0]), outcome([1.0, 2.0])) is None
    assert golden.disagreement(recorded([0], [[0.6, 0.4]]), outcome([0], [[0.6, 0.4]])) is None


def test_values_agree_within_their_size():
    assert golden.disagreement(recorded([1e6]), outcome([1e6 + 1])) is None
    assert golden.disagreement(recorded([1.0]), outcome([1.1])) == "1 of 1 answers differ from those recorded"


def test_labels_may_differ_only_where_two_classes_tie():
    assert golden.disagreement(recorded([0], [[0.5, 0.5]]), outcome([1], [[0.5, 0.5]])) is None
    assert golden.disagreement(recorded([0], [[0.6, 0.4]]), outcome([1], [[0.6, 0.4]])) is not None


def test_answers_of_another_form_disagree():
    assert "shape" in golden.disagreement(recorded([1.0, 2.0]), outcome([1.0]))
    assert "missing" in golden.disagreement(recorded([0], [[0.6, 0.4]]), outcome([0]))
    assert "differ" in golden.disagreement(recorded([0], [[0.6, 0.4]]), outcome([0], [[0.7, 0.3]]))
    assert "differ" in golden.disagreement(recorded([0], [[0.6, 0.4]]), outcome([0], [[np.nan, 0.4]]))
