"""Exported models with several targets: labels, probabilities and numbers of each."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from app.models.untrusted import ImportRefused
from tests.app.models.importing.exported.exports import answers, changed, exported

FRAME = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
ROWS = FRAME.to_numpy()
LABELS = np.column_stack(
    [
        np.where(ROWS[:, 0] > 0, "yes", "no"),
        np.array(["low", "mid", "top"])[np.digitize(ROWS[:, 1], [-0.5, 0.5])],
    ]
)
BITS = (ROWS > 0.2).astype(int)
FOREST = RandomForestClassifier(4, random_state=0)  # whose trees are often of two minds
CLASSIFIERS = {
    "forest": (FOREST, LABELS),
    "neighbours": (KNeighborsClassifier(), LABELS),
    "one for each": (make_pipeline(StandardScaler(), MultiOutputClassifier(FOREST)), LABELS),
    "network": (MLPClassifier((4,), random_state=0, max_iter=50), BITS),
    "chain": (ClassifierChain(LogisticRegression(), order=[2, 0, 1]), BITS),
    "chain of three labels": (
        ClassifierChain(LogisticRegression()),
        np.column_stack([BITS.sum(axis=1), BITS]),
    ),
    "one versus rest": (OneVsRestClassifier(LogisticRegression()), BITS),
}
REGRESSORS = {
    "linear": LinearRegression(),
    "forest": RandomForestRegressor(4, random_state=0),
    "one for each": MultiOutputRegressor(DecisionTreeRegressor(max_depth=3)),
    "chain": RegressorChain(DecisionTreeRegressor(max_depth=3), order=[1, 0]),
}


@pytest.mark.filterwarnings("ignore:Stochastic")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_labels_of_each_target_are_those_of_the_model(store, take_over, name):
    estimator, target = CLASSIFIERS[name]
    estimator.fit(ROWS, target)
    take_over(exported(estimator, FRAME))
    model, output = answers(store, ROWS)
    assert model.engine.name == "onnx"
    assert model.output.decoded(output.values.tolist()) == estimator.predict(ROWS).tolist()
    if output.probabilities is None:
        assert name == "chain of three labels"
        return
    own = estimator.predict_proba(ROWS)
    served = output.probabilities if isinstance(own, list) else output.probabilities[:, 1::2]
    assert np.abs(served - np.hstack(own if isinstance(own, list) else [own])).max() < 1e-6


@pytest.mark.parametrize("name", REGRESSORS)
def test_numbers_of_each_target_are_those_of_the_model(store, take_over, name):
    estimator = REGRESSORS[name].fit(ROWS, ROWS[:, :2] * [1, 100])
    take_over(exported(estimator, FRAME))
    model, output = answers(store, ROWS)
    assert np.allclose(output.values, estimator.predict(ROWS))
    assert model.output.spread == pytest.approx(estimator.predict(ROWS).std(axis=0))


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([{"list": ["no", "yes"]}], "its answers are not one for each target"),
        ([{"list": ["no"]}, {"list": ["low", "mid", "top"]}], "its probabilities are not one for each class"),
        ([{"list": ["no"]}, {"list": ["low", "mid", "top", "x"]}], "an answer is none of its classes"),
        ([{"list": []}, {"list": ["low", "mid", "top"]}], "its classes are neither text nor numbers"),
    ],
)
def test_targets_that_do_not_fit_the_answers_are_refused(take_over, targets, said):
    content = exported(FOREST.fit(ROWS, LABELS), FRAME)
    with pytest.raises(ImportRefused, match=said):
        take_over(changed(content, lambda document: document.update(targets=targets)))
