"""Far from the training data sums round by more than labels and probabilities may differ by."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.certification.boundary import boundary_rows
from app.models.certification.variations import FAR
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.inspection import inspect_model
from app.models.publishing.publish import publish
from app.models.schema.tolerance import PROMISED
from tests.boundaries import bisected

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("_boundary_is_found_exactly")]
GENERATOR = np.random.default_rng(5)
ROWS = GENERATOR.normal(size=(600, 4)) * [1.0, 2.0, 0.5, 3.0] + [0.0, 1.0, 5.0, -2.0]
TARGET = (ROWS[:, 0] + (ROWS[:, 1] - 1) ** 2 / 4 > 1 + 0.3 * GENERATOR.normal(size=600)).astype(int)
LARGE = ROWS * 100.0  # with weights as large, because nothing shrinks those of a perceptron
SINGLE = ROWS.astype(np.float32)
OF_SINGLE_PRECISION = {
    "logistic": LogisticRegression(max_iter=5000),
    "scaled": make_pipeline(StandardScaler(), LogisticRegression()),
    "network": make_pipeline(StandardScaler(), MLPClassifier((8,), random_state=0)),
}


def served(store, model, sample):
    """The certified engine of a model, and up to how many times the largest number in training it answers."""
    publish(store, model, sample=sample, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    limits = certificate["kernel"]["limit"]
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    return engine, max(limits / np.abs(sample).max(axis=0))


def check_edges(engine, model, sample):
    for far in (1.0, 1e2, 1e4, 1e6):
        pairs = far * GENERATOR.normal(size=(2, 300, 4)) * sample.std(axis=0)
        rows = bisected(model, *pairs.astype(sample.dtype))
        for part in (rows[start : start + 3] for start in range(0, len(rows), 3)):
            found = engine.predict(part.astype(np.float64)).values
            assert (model.classes_[found] == model.predict(part)).all()


def test_an_engine_answers_as_far_as_sums_of_large_weights_are_precise(store):
    model = Perceptron().fit(LARGE, TARGET)
    engine, far = served(store, model, LARGE)
    assert round(far) < max(FAR)
    check_edges(engine, model, LARGE)


@pytest.mark.parametrize("name", OF_SINGLE_PRECISION)
def test_a_model_of_single_precision_answers_rows_far_away_itself(store, name):
    model = OF_SINGLE_PRECISION[name].fit(SINGLE, TARGET)
    engine, far = served(store, model, SINGLE)
    assert round(far) <= 100
    check_edges(engine, model, SINGLE)
    for far in (1.0, 1e2, 1e3):
        rows = (far * GENERATOR.normal(size=(5000, 4)) * ROWS.std(axis=0)).astype(np.float32)
        found = engine.predict(rows.astype(np.float64)).probabilities
        np.testing.assert_allclose(found, model.predict_proba(rows), atol=PROMISED)


def test_sums_of_small_weights_are_precise_far_away(store):
    model = LogisticRegression(max_iter=5000).fit(ROWS, TARGET)
    assert served(store, model, ROWS)[1] == pytest.approx(max(FAR))


def test_rows_on_the_boundary_have_the_columns_own_precision():
    model = LogisticRegression(max_iter=5000).fit(SINGLE, TARGET)
    found = inspect_model(model, SINGLE)
    predict = SklearnEngine(model, found.signature, found.output).predict
    for rows in boundary_rows(predict, found.rows, found.signature, np.random.default_rng(0)):
        np.testing.assert_array_equal(rows, rows.astype(np.float32))
