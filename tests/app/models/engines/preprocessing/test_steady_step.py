"""Rows that rounding may move across a threshold are left to the model, and no others."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.models.certification.probe_rows import first_prepared
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.engines.preprocessing.steady_step import Steady
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(240, 6)) * [1, 2, 3, 4, 5, 1000]
TARGET = (ROWS[:, 0] + ROWS[:, 1] > GENERATOR.normal(size=240)).astype(int)
MANY = GENERATOR.normal(size=(4000, 6)) * [1, 2, 3, 4, 5, 1000]
GUARD = Steady(((0.5, 2.0), (), (100.0,)), rounded=False)


def test_a_row_near_a_threshold_is_unsteady():
    rows = np.array(
        [[0.5, 0.0, 0.0], [0.5 + 1e-10, 0.0, 0.0], [0.501, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 2.0, 100.0]]
    )
    assert GUARD.unsteady(rows).tolist() == [True, True, False, False, True]


def test_the_rounding_of_a_column_is_that_of_its_largest_threshold():
    """1e-9 of 2 and of 100."""
    rows = np.array([[0.5 + 3e-9, 0.0, 0.0], [0.0, 0.0, 100.0 + 5e-8]])
    assert GUARD.unsteady(rows).tolist() == [False, True]


def test_what_is_rounded_first_is_unsteady_where_the_rounded_number_is():
    """Between two numbers of single precision one half rounds below the threshold, the other above."""
    low, high = np.float32(1.0), np.nextafter(np.float32(1.0), np.float32(2.0))
    middle = (float(low) + float(high)) / 2
    guard = Steady(((middle,),), rounded=True)
    assert guard.unsteady(np.array([[middle], [middle - 3e-8], [middle + 3e-8]])).tolist() == [
        True,
        False,
        False,
    ]


def test_all_unsteady_rows_are_named_at_once():
    with pytest.raises(NotCovered) as refused:
        GUARD.apply(np.array([[2.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.0]]))
    assert refused.value.rows == [0, 2]


def test_a_guard_is_plain_data():
    prepared = Preprocessor(steps=(GUARD,))
    assert Preprocessor.from_dict(prepared.to_dict()) == prepared


@pytest.mark.parametrize(
    "steps",
    [
        (StandardScaler(), PCA(3), RandomForestClassifier(5, random_state=0)),
        (PCA(3), HistGradientBoostingClassifier(max_iter=5)),
        (
            StandardScaler(),
            Nystroem(n_components=8, random_state=0),
            RandomForestClassifier(5, random_state=0),
        ),
    ],
    ids=["forest", "histogram boosting", "kernels"],
)
def test_trees_behind_a_product_of_matrices_are_certified_and_answer_as_the_model(store, steps):
    model = make_pipeline(*steps).fit(ROWS, TARGET)
    publish(store, model, sample=ROWS, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    assert certificate["left_to_model"] < certificate["rows"] / 4
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    assert (engine.predict(MANY).values == model.predict(MANY)).all()


def test_a_row_that_a_member_leaves_open_is_no_failure_of_the_engine(store, caplog):
    """A pipeline within an ensemble has a guard of its own."""
    pipeline = make_pipeline(PCA(3), RandomForestClassifier(5, random_state=0))
    model = VotingClassifier([("p", pipeline), ("l", LogisticRegression(max_iter=5000))], voting="soft")
    model.fit(ROWS, TARGET)
    publish(store, model, sample=ROWS, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]
    pca, trees = model.estimators_[0]
    on = np.repeat(pca.transform(ROWS[:1]), 5, axis=0)
    tree = trees.estimators_[0].tree_
    on[:, tree.feature[0]] = tree.threshold[0]
    rows = np.vstack([pca.inverse_transform(on), ROWS])
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    assert (engine.predict(rows).values == model.predict(rows)).all()
    assert "engine failed" not in caplog.text


def test_a_row_on_a_threshold_is_answered_by_the_model(store):
    """Without the guard the product of one row may fall on the other side than that of many."""
    model = make_pipeline(PCA(3), RandomForestClassifier(5, random_state=0)).fit(ROWS, TARGET)
    publish(store, model, sample=ROWS, version="v1")
    thresholds = model[-1].estimators_[0].tree_.threshold
    on = np.repeat(model[0].transform(ROWS[:1]), 20, axis=0)
    on[:, model[-1].estimators_[0].tree_.feature[0]] = thresholds[0]
    rows = model[0].inverse_transform(on)
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    assert engine.compiled.attempt(rows)[1] == list(range(20))
    assert (engine.predict(rows).values == model.predict(rows)).all()


def test_a_model_whose_first_training_row_is_on_a_threshold_is_certified(store):
    model = make_pipeline(PCA(3), RandomForestClassifier(5, random_state=0)).fit(ROWS, TARGET)
    on = model[0].transform(ROWS[:1])
    tree = model[-1].estimators_[0].tree_
    on[:, tree.feature[0]] = tree.threshold[0]
    rows = np.vstack([model[0].inverse_transform(on), ROWS])
    publish(store, model, sample=rows, version="v1")
    certificate = store.metadata("v1")["certificates"]["onnx"]
    assert certificate["certified"], certificate["reason"]


def test_rows_that_all_lie_on_thresholds_prepare_none():
    with pytest.raises(NotCovered):
        first_prepared(GUARD.apply, np.array([[0.5, 1.0, 100.0], [2.0, 1.0, 3.0]]))
