"""Every estimator of scikit-learn that fits, and those that wrap others."""

import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
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
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from tests.conformance.case import Brought, Case, with_edges

SEED = 0
TRAINING = 300
SLOW = {"GaussianProcessClassifier", "GaussianProcessRegressor", "MLPClassifier", "MLPRegressor"}


def _split(features: Any, target: Any, *, training: int = TRAINING) -> tuple[Any, Any, Any]:
    order = np.random.default_rng(SEED).permutation(len(features))
    train, held = order[: min(training, len(order) * 3 // 4)], order[-200:]
    return features[train], None if target is None else target[train], features[held]


def data(name: str) -> tuple[Any, Any, Any]:
    """Training rows, their target, and rows held out."""
    if name == "three classes":
        made = make_classification(700, 8, n_informative=6, n_classes=3, random_state=SEED)
        return _split(*made)
    if name == "two classes":
        return _split(*make_classification(700, 8, n_informative=6, random_state=SEED))
    if name == "numbers":
        features, target = make_regression(700, 8, noise=5.0, random_state=SEED)
        return _split(features, target)
    if name == "counts":
        features, target = make_regression(700, 8, random_state=SEED)
        return _split(np.abs(features), np.round(np.exp(target / 150)) + 1.0)
    bunch = getattr(datasets, f"load_{name}")()
    return _split(np.asarray(bunch.data, dtype=float), bunch.target)


def _bring(model: Any, name: str, *, scale: bool = False) -> Brought:
    features, target, held = data(name)
    model = clone(model)
    if "random_state" in model.get_params():
        model.set_params(random_state=SEED)
    if scale:
        model = make_pipeline(MinMaxScaler() if scale == "positive" else StandardScaler(), model)
    model.fit(features, target)
    return Brought(model, features, with_edges(held, features))


def _case(title: str, model: Any, name: str, *, scale: Any = False) -> Case:
    return Case(f"{title}, {name}", partial(_bring, model, name, scale=scale))


def every_estimator() -> Iterator[Case]:
    """Classifiers, regressors, clusterers, outlier detectors and mixtures that need no other estimator."""
    names = {
        "classifier": ("digits", "wine", "breast_cancer", "two classes"),
        "regressor": ("diabetes", "numbers", "counts"),
    }
    kinds = {
        title: kind for kind in ("classifier", "regressor") for title, _ in all_estimators(type_filter=kind)
    }
    for title, kind in all_estimators():
        required = [
            p
            for p in inspect.signature(kind).parameters.values()
            if p.default is p.empty and p.name != "self"
        ]
        if required or not hasattr(kind, "predict") or title.startswith("MultiTask"):
            continue
        estimator_type = kinds.get(title)
        for name in names.get(estimator_type or "", ("wine",)):
            if title in SLOW and name == "digits":
                continue
            model = kind()
            if "Process" in title and estimator_type == "regressor":
                model.set_params(alpha=1e-3)
            scaled = "positive" if title in {"ComplementNB", "MultinomialNB"} else name not in {"counts"}
            yield _case(title, model, name, scale=scaled)
            if name in {"wine", "diabetes"} and title not in SLOW:
                yield _case(f"{title} unscaled", model, name)


def wrapping() -> Iterator[Case]:
    """Estimators around estimators, on two and on three classes, and on numbers."""
    forest, linear = RandomForestClassifier(10, max_depth=4, random_state=SEED), LogisticRegression()
    voters = [("forest", forest), ("linear", linear), ("bayes", GaussianNB())]
    for name in ("two classes", "three classes", "digits"):
        models: dict[str, Any] = {
            "SGD, modified Huber": SGDClassifier(loss="modified_huber", random_state=SEED),
            "SGD, log loss": SGDClassifier(loss="log_loss", random_state=SEED),
            "one vs rest, logistic": OneVsRestClassifier(linear),
            "one vs rest, SVC": OneVsRestClassifier(SVC()),
            "one vs one": OneVsOneClassifier(LinearSVC()),
            "output codes": OutputCodeClassifier(linear, random_state=SEED),
            "SVC, linear": SVC(kernel="linear"),
            "SVC, one vs one scores": SVC(decision_function_shape="ovo"),
            "calibrated, sigmoid": CalibratedClassifierCV(LinearSVC(), cv=3),
            "calibrated, isotonic": CalibratedClassifierCV(forest, method="isotonic", cv=3),
            "bagging": BaggingClassifier(random_state=SEED),
            "bagging, neighbours": BaggingClassifier(KNeighborsClassifier(), random_state=SEED),
            "AdaBoost": AdaBoostClassifier(n_estimators=10, random_state=SEED),
            "AdaBoost, deep": AdaBoostClassifier(DecisionTreeClassifier(max_depth=4), random_state=SEED),
            "voting, hard": VotingClassifier(voters),
            "voting, soft": VotingClassifier(voters, voting="soft"),
            "stacking": StackingClassifier(voters, cv=3),
            "stacking, forest on top": StackingClassifier(voters, final_estimator=forest, cv=3),
            "grid search, forest": GridSearchCV(forest, {"max_depth": [2, 4]}, cv=3),
            "grid search, logistic": GridSearchCV(linear, {"C": [0.1, 1.0]}, cv=3),
            "random search, SVC": RandomizedSearchCV(SVC(), {"C": [0.1, 1.0, 10.0]}, n_iter=2, cv=3),
            "self training": SelfTrainingClassifier(linear),
            "RFE": RFE(linear, n_features_to_select=4),
            "selected by a forest": make_pipeline(SelectFromModel(forest), linear),
            "best columns": make_pipeline(SelectKBest(k=4), forest),
            "frozen": FrozenEstimator(clone(linear).fit(*data(name)[:2])),
            "PCA": make_pipeline(PCA(4), linear),
            "union": make_pipeline(FeatureUnion([("pca", PCA(2)), ("best", SelectKBest(k=3))]), linear),
            "pipeline in a pipeline": make_pipeline(make_pipeline(StandardScaler(), PCA(4)), forest),
            "boosting, exponential": GradientBoostingClassifier(loss="exponential", n_estimators=10),
            "boosting from a model": GradientBoostingClassifier(init=linear, n_estimators=5),
            "histogram boosting": HistGradientBoostingClassifier(max_iter=10),
            "forest, shallow": RandomForestClassifier(30, max_depth=3, random_state=SEED),
            "forest, balanced": RandomForestClassifier(30, class_weight="balanced", random_state=SEED),
            "forest, whole": RandomForestClassifier(30, random_state=SEED),
        }
        if name == "two classes":
            models |= {
                "threshold, fixed": FixedThresholdClassifier(linear, threshold=0.3),
                "threshold, tuned": TunedThresholdClassifierCV(linear, cv=3),
                "threshold, tuned forest": TunedThresholdClassifierCV(forest, cv=3),
            }
        else:
            del models["boosting, exponential"]
        yield from (_case(title, model, name, scale=True) for title, model in models.items())
    yield from _wrapping_numbers()


def _wrapping_numbers() -> Iterator[Case]:
    forest, linear = RandomForestRegressor(10, random_state=SEED), Ridge()
    members = [("forest", forest), ("linear", linear)]
    models = {
        "bagging": BaggingRegressor(random_state=SEED),
        "AdaBoost": AdaBoostRegressor(n_estimators=10, random_state=SEED),
        "voting": VotingRegressor(members),
        "stacking": StackingRegressor(members, cv=3),
        "grid search": GridSearchCV(linear, {"alpha": [0.1, 1.0]}, cv=3),
        "transformed target": TransformedTargetRegressor(linear, func=np.cbrt, inverse_func=np.exp),
        "RFE": RFE(linear, n_features_to_select=4),
    }
    for name in ("diabetes", "numbers"):
        yield from (_case(title, model, name, scale=True) for title, model in models.items())
