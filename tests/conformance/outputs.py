"""Models that answer otherwise than with one label or number: several labels a row, scores, outputs."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.cluster import FeatureAgglomeration
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Perceptron, RidgeClassifier, SGDOneClassSVM
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, LocalOutlierFactor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures, QuantileTransformer, StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from tests.conformance.case import Brought, Case

ROWS = np.random.default_rng(0).normal(3, 1, size=(200, 2))
TWO = np.column_stack([ROWS[:, 0] > 3, ROWS[:, 1] > 2]).astype(int)
WORDS = np.column_stack([np.digitize(ROWS[:, 0], [2, 3, 4]), TWO[:, 0]]).astype(str)

SEVERAL_LABELS = {
    "one classifier each": (MultiOutputClassifier(LogisticRegression()), TWO),
    "one classifier each, text": (MultiOutputClassifier(LogisticRegression()), WORDS),
    "one classifier each, scores only": (MultiOutputClassifier(Perceptron()), TWO),
    "one forest each": (MultiOutputClassifier(RandomForestClassifier(5, random_state=0)), WORDS),
    "behind a scaler": (make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression())), TWO),
    "chain": (ClassifierChain(LogisticRegression()), TWO),
    "one versus rest": (OneVsRestClassifier(LogisticRegression()), TWO),
    "forest": (RandomForestClassifier(5, random_state=0), TWO),
    "forest, text": (RandomForestClassifier(5, random_state=0), WORDS),
    "tree, truth values": (DecisionTreeClassifier(max_depth=3), TWO == 1),
    "neighbours, text": (KNeighborsClassifier(), WORDS),
    "network": (MLPClassifier((3,), max_iter=20, random_state=0), TWO),
    "ridge": (RidgeClassifier(), TWO),
}
OUTLIERS = (
    IsolationForest(random_state=0),
    OneClassSVM(),
    LocalOutlierFactor(novelty=True),
    EllipticEnvelope(random_state=0),
    SGDOneClassSVM(random_state=0),
)
TRANSFORMERS = {
    "scaler": StandardScaler(),
    "principal component": PCA(1),
    "bins, sparse": KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
    "clusters of columns": FeatureAgglomeration(1),
    "the best column": SelectKBest(k=1),
    "pipeline": make_pipeline(StandardScaler(), PolynomialFeatures(2)),
    "union": make_union(StandardScaler(), QuantileTransformer(n_quantiles=20)),
}


def cases() -> Iterator[Case]:
    """Each model fitted to the same rows."""
    for name, (model, target) in SEVERAL_LABELS.items():
        yield Case(f"several labels: {name}", partial(_brought, model, target))
    for detector in OUTLIERS:
        yield Case(f"outliers: {type(detector).__name__}", partial(_brought, detector, None))
    for name, transformer in TRANSFORMERS.items():
        yield Case(f"transformer: {name}", partial(_brought, transformer, TWO[:, 0]))


def _brought(model: Any, target: Any) -> Brought:
    return Brought(clone(model).fit(ROWS, target), ROWS[:150], ROWS[150:])
