"""Ensembles of ensembles serve on their members' compiled forms, with the model's own answers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR, OneClassSVM

from app.models.certification.certificate import certify_candidate
from app.models.engines.composed.composed_kernel import packed, unpacked
from app.models.engines.kernel import COMPOSED_FILE
from app.models.loading.loader import LoadingOptions, load
from app.models.publishing.publish import publish
from tests.app.models.compilation.composition.certified import (
    MANY,
    NUMBERS,
    ROWS,
    THREE,
    TWO,
    check,
    composed,
)

pytestmark = pytest.mark.filterwarnings("ignore")


def forest(seed=0):
    return RandomForestClassifier(4, max_depth=3, random_state=seed)


def members():
    return [
        ("f", forest()),
        ("l", make_pipeline(StandardScaler(), LogisticRegression())),
        ("h", HistGradientBoostingClassifier(max_iter=4, max_depth=3)),
    ]


def regressors():
    linear = make_pipeline(StandardScaler(), LinearRegression())
    return [("f", RandomForestRegressor(4, max_depth=3, random_state=0)), ("l", linear)]


CLASSIFIERS = {
    "soft": lambda: VotingClassifier(members(), voting="soft", weights=[3, 1, 2]),
    "tied": lambda: VotingClassifier([("a", forest()), ("b", forest(1))], voting="soft"),
    "hard": lambda: VotingClassifier(members()),
    "hard, weighted": lambda: VotingClassifier(members(), weights=[2, 1, 1]),
    "stacking": lambda: StackingClassifier(members(), cv=2),
    "passthrough": lambda: StackingClassifier(members(), passthrough=True, cv=2),
    "forest on numbers": lambda: StackingClassifier(members(), final_estimator=forest(1), cv=2),
    "forest on forests": lambda: StackingClassifier([("f", forest())], final_estimator=forest(1), cv=2),
    "stacking of labels": lambda: StackingClassifier(members(), stack_method="predict", cv=2),
    "stacking of scores": lambda: StackingClassifier([("s", LinearSVC()), ("f", forest())], cv=2),
    "sigmoid": lambda: CalibratedClassifierCV(LinearSVC(), cv=2),
    "isotonic": lambda: CalibratedClassifierCV(forest(), method="isotonic", cv=2),
    "sigmoid of logistic": lambda: CalibratedClassifierCV(LogisticRegression(), cv=2),
    "sigmoid of boosting": lambda: CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=4), cv=2),
    "isotonic of histogram boosting": lambda: CalibratedClassifierCV(
        HistGradientBoostingClassifier(max_iter=4), method="isotonic", cv=2
    ),
    "temperature of scores": lambda: CalibratedClassifierCV(LinearSVC(), method="temperature", cv=2),
    "temperature of forests": lambda: CalibratedClassifierCV(forest(), method="temperature", cv=2),
    "rest": lambda: OneVsRestClassifier(forest()),
    "rest, linear": lambda: OneVsRestClassifier(LogisticRegression()),
    "bagging": lambda: BaggingClassifier(forest(), 3, max_features=0.5, random_state=0),
    "bagging of pipelines": lambda: BaggingClassifier(members()[1][1], 3, random_state=0),
    "support vectors": lambda: SVC(),
    "support vectors, polynomial": lambda: SVC(kernel="poly", degree=2, coef0=1),
    "support vectors, linear": lambda: make_pipeline(StandardScaler(), SVC(kernel="linear")),
    "support vectors, sigmoid": lambda: NuSVC(kernel="sigmoid", nu=0.1),
    "voting of support vectors": lambda: VotingClassifier([("s", SVC()), *members()]),
    "nested": lambda: VotingClassifier([("c", CLASSIFIERS["isotonic"]()), members()[1]], voting="soft"),
}
THRESHOLDS = {
    "fixed": lambda: FixedThresholdClassifier(forest(), threshold=0.3, pos_label="yes"),
    "fixed, first class": lambda: FixedThresholdClassifier(
        LogisticRegression(), threshold=0.4, pos_label="no", response_method="predict_proba"
    ),
    "tuned": lambda: TunedThresholdClassifierCV(make_pipeline(StandardScaler(), forest()), cv=2),
}
REGRESSORS = {
    "voting": lambda: VotingRegressor(regressors(), weights=[2, 1]),
    "support vectors": lambda: SVR(C=10),
    "support vectors, linear": lambda: NuSVR(kernel="linear"),
    "stacking": lambda: StackingRegressor(regressors(), cv=2, passthrough=True),
    "bagging": lambda: BaggingRegressor(RandomForestRegressor(3, max_depth=3), 3, random_state=0),
    "target by functions": lambda: TransformedTargetRegressor(
        RandomForestRegressor(4, random_state=0), func=np.log1p, inverse_func=np.expm1, check_inverse=False
    ),
    "scaled target": lambda: TransformedTargetRegressor(regressors()[1][1], transformer=StandardScaler()),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_of_three_classes(name):
    check(CLASSIFIERS[name](), THREE)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *THRESHOLDS])
def test_classifiers_of_two_classes(name):
    check({**CLASSIFIERS, **THRESHOLDS}[name](), TWO)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    check(REGRESSORS[name](), NUMBERS)


def test_boosting_of_another_library_is_a_member():
    xgboost = pytest.importorskip("xgboost")
    boosted = xgboost.XGBClassifier(n_estimators=4, max_depth=2)
    check(VotingClassifier([("x", boosted), ("f", forest())], voting="soft"), THREE)


def test_outliers_of_support_vectors_have_their_score(store):
    model = OneClassSVM().fit(ROWS)
    publish(store, model, sample=ROWS, version="v1")
    found = load(store, "v1", LoadingOptions(engine="onnx")).engine.predict(MANY)
    assert (np.array([-1, 1])[found.values] == model.predict(MANY)).all()
    np.testing.assert_allclose(found.probabilities[:, 0], model.decision_function(MANY), atol=1e-9)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SVC(break_ties=True), "do not follow from its votes alone"),
        (SVC(kernel=lambda a, b: a @ b.T), "a kernel of its own"),
    ],
    ids=["ties broken", "a function"],
)
def test_support_vectors_that_decide_otherwise_are_not_composed(model, reason):
    *_, certificate = composed(model, THREE)
    assert not certificate["certified"]
    assert reason in certificate["reason"]


def test_trees_on_top_of_numbers_that_are_rounded_have_a_guard():
    """Forests' shares are exact, and need none."""
    final = forest(1)
    _, guarded, _ = composed(StackingClassifier(members(), final_estimator=final, cv=2), TWO)
    _, exact, _ = composed(StackingClassifier([("f", forest())], final_estimator=final, cv=2), TWO)
    steps = [
        part["preprocessor"]["steps"] for part in unpacked(guarded.content)["parts"] if "preprocessor" in part
    ]
    assert [[step["op"] for step in each] for each in steps] == [["steady"]]
    assert all("preprocessor" not in part for part in unpacked(exact.content)["parts"])


def test_what_the_last_bit_decides_is_not_composed():
    final = VotingClassifier([("f", forest())], voting="soft")
    model = StackingClassifier(members(), final_estimator=final, cv=2)
    _, candidate, certificate = composed(model, TWO)
    assert candidate.spec is None or candidate.spec.file != COMPOSED_FILE
    assert not certificate["certified"]


def planted(model, change):
    """The certificate of the model's document after a change to it."""
    under_test, candidate, certificate = composed(model, THREE)
    assert certificate["certified"], certificate["reason"]
    document = unpacked(candidate.content)
    change(document)
    return certify_candidate(replace(candidate, content=packed(document)), under_test, ROWS)


def reverse(part, name):
    part[name] = part[name][::-1]


FAULTS = {
    "members swapped": ("soft", lambda d: d["parts"].reverse()),
    "weight": ("soft", lambda d: d["weights"].__setitem__(0, 2.99)),
    "vote's weight": ("hard, weighted", lambda d: d["parts"][1]["weights"].__setitem__(0, 0.5)),
    "calibrator": ("isotonic", lambda d: d["parts"][0]["parts"][1]["curves"].reverse()),
    "order of classes": ("rest", lambda d: d["parts"][0]["parts"].reverse()),
    "columns of a member": ("bagging", lambda d: reverse(d["parts"][0]["parts"][0], "columns")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    name, change = FAULTS[fault]
    assert not planted(CLASSIFIERS[name](), change)["certified"]


def test_trees_whose_edges_cannot_be_tried_need_a_proof():
    under_test, candidate, certificate = composed(CalibratedClassifierCV(forest(), cv=2), TWO)
    assert certificate["certified"]
    assert under_test.hidden_trees
    unproven = certify_candidate(replace(candidate, proven=False), under_test, ROWS)
    assert "edges of its trees" in unproven["reason"]


def test_a_published_ensemble_is_loaded_on_its_members_compiled_forms(store):
    model = VotingClassifier(members(), voting="soft").fit(ROWS, THREE)
    version = publish(store, model, sample=ROWS)
    engine = load(store, version, LoadingOptions(engine="onnx")).engine
    assert engine.name == "onnx"
    assert (model.classes_[engine.predict(MANY).values] == model.predict(MANY)).all()
