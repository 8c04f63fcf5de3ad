"""Several targets a row, by one estimator for each, by one for all, or by a chain."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from app.models.certification.boundary import boundary_rows
from app.models.certification.comparison import Reference, compare_answers
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from app.models.schema.signature import Feature, InputSignature, OutputSignature

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.integers(-6, 7, size=(240, 3)) / 2.0  # halves, so that rows fall on thresholds
TWO = np.column_stack([ROWS[:, 0] > 0, ROWS[:, 1] + GENERATOR.normal(size=240) > 1]).astype(int)
WORDS = np.column_stack([np.digitize(ROWS[:, 0], [-1, 1]), TWO[:, 1]]).astype(str)
NUMBERS = np.column_stack([ROWS[:, 0] ** 2, ROWS[:, 1] * 1e3])
MANY = np.concatenate(
    [GENERATOR.integers(-9, 10, size=(2000, 3)) / 2.0, GENERATOR.normal(size=(2000, 3)) * 3]
)


def forest():
    return RandomForestClassifier(4, max_depth=3, random_state=0)


CLASSIFIERS = {
    "forests": (MultiOutputClassifier(forest()), WORDS),
    "linear": (MultiOutputClassifier(LogisticRegression()), WORDS),
    "scores": (MultiOutputClassifier(Perceptron()), TWO),
    "pipelines": (MultiOutputClassifier(make_pipeline(StandardScaler(), LogisticRegression())), TWO),
    "behind a scaler": (make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression())), WORDS),
    "one versus rest": (OneVsRestClassifier(LogisticRegression()), TWO),
    "forest": (forest(), WORDS),
    "pure trees": (RandomForestClassifier(3, random_state=0), TWO),
    "tree, truth values": (DecisionTreeClassifier(max_depth=3), TWO == 1),
    "network": (
        MLPClassifier((4, 3), activation="tanh", solver="lbfgs", max_iter=9_000, random_state=0),
        TWO,
    ),
    "chain": (ClassifierChain(LogisticRegression(), order=[1, 0]), TWO),
    "chain of pipelines": (ClassifierChain(make_pipeline(StandardScaler(), LogisticRegression())), TWO),
    "chain of forests": (ClassifierChain(forest()), TWO),
    "neighbours": (KNeighborsClassifier(3), WORDS),
    "ridge": (RidgeClassifier(), TWO),
}
SCORES_ONLY = {"scores", "ridge"}
REGRESSORS = {
    "forests": MultiOutputRegressor(RandomForestRegressor(4, max_depth=3, random_state=0)),
    "linear": MultiOutputRegressor(LinearRegression()),
    "boosted": MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=4)),
    "forest": RandomForestRegressor(4, max_depth=3, random_state=0),
    "chain": RegressorChain(LinearRegression(), order=[1, 0]),
}


def compiled(store, model):
    publish(store, model, sample=ROWS, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    return load(store, "v1", LoadingOptions(engine="onnx"))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_and_probabilities_are_the_models(store, name):
    model, target = CLASSIFIERS[name]
    model.fit(ROWS, target)
    loaded = compiled(store, model)
    found = loaded.engine.predict(MANY)
    assert (np.array(loaded.output.decoded(found.values.tolist())) == model.predict(MANY)).all()
    if name in SCORES_ONLY:
        assert found.probabilities is None
        return
    own = model.predict_proba(MANY)
    if not isinstance(own, list):
        own = [np.column_stack([1 - each, each]) for each in own.T]
    assert np.abs(found.probabilities - np.hstack(own)).max() < 1e-6


@pytest.mark.parametrize("name", REGRESSORS)
def test_numbers_are_the_models(store, name):
    model = REGRESSORS[name].fit(ROWS, NUMBERS)
    found = compiled(store, model).engine.predict(MANY).values
    np.testing.assert_allclose(found, model.predict(MANY), rtol=1e-9, atol=1e-9)


def test_one_row_is_answered_alike(store):
    model, target = CLASSIFIERS["forests"]
    loaded = compiled(store, model.fit(ROWS, target))
    for row in MANY[:20]:
        values = loaded.engine.predict(row[None]).values.tolist()
        assert loaded.output.decoded(values) == model.predict(row[None]).tolist()


def test_a_chain_of_other_numbers_than_labels_serves_itself_and_says_why(store):
    model = ClassifierChain(LogisticRegression(), chain_method="predict_proba").fit(ROWS, TWO)
    publish(store, model, sample=ROWS, version="v1")
    metadata = store.metadata("v1")
    assert metadata["engine"] == "sklearn"
    assert "numbers other than the predicted labels" in metadata["certificates"]["onnx"]["reason"]


def test_boundary_between_any_of_the_labels_is_found():
    """The second label changes at 1, the first one never."""
    signature = InputSignature(tuple(Feature(f"x{i}", "number") for i in range(3)), "array")

    def predict(rows):
        return EngineOutput(np.column_stack([np.zeros(len(rows)), rows[:, 1] > 1]).astype(np.intp), None)

    *_, low, high = boundary_rows(predict, ROWS, signature, np.random.default_rng(0))
    assert (predict(low).values[:, 1] != predict(high).values[:, 1]).all()
    assert np.abs(low[:, 1] - high[:, 1]).max() < 0.1


def test_probabilities_of_any_label_are_compared():
    """Labels that are equal say nothing about them."""
    output = OutputSignature("classification", probabilities=True, targets=((0, 1), (0, 1)))
    codes = np.zeros((3, 2), dtype=np.intp)
    own = np.tile([0.9, 0.1, 0.8, 0.2], (3, 1))
    other = own.copy()
    other[2, 2:] = [0.7, 0.3]
    expected = Reference(EngineOutput(codes, own), np.zeros(3, dtype=bool))
    same = compare_answers(EngineOutput(codes, own), (), expected, range(3), output)
    apart = compare_answers(EngineOutput(codes, other), (), expected, range(3), output)
    none = compare_answers(EngineOutput(codes, None), (), expected, range(3), output)
    assert (same.reason(), apart.label_mismatches, apart.max_difference) == (None, 0, pytest.approx(0.1))
    assert "numbers differ" in apart.reason()
    assert none.reason() is not None
