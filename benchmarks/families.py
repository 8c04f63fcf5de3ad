"""Model families of the table in docs/engines.md, which tests use too."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from app.models.training.estimators import mixed_pipeline

SEED = 0
CITIES = np.array(["Athens", "Berlin", "Cairo", "Dakar"], dtype=object)
WORDS = np.array(
    ["a", "good", "bad", "film", "plot", "not", "very", "never", "dull", "bright", "the", "it", "was"]
)


@dataclass(frozen=True)
class Family:
    """One row of the table: a name and a fitted estimator with the rows it was fitted to."""

    name: str
    fit: Callable[[], tuple[Any, Any]]


def families(*, rows: int = 1000, trees: int = 100) -> Iterator[Family]:
    """Every family, fitted to synthetic data of ``rows`` rows; ensembles have ``trees`` members."""
    features, target = make_classification(
        rows, 20, n_informative=15, n_redundant=5, n_classes=3, random_state=SEED
    )
    numbers, value = make_regression(rows, 20, random_state=SEED)
    seed = {"random_state": SEED}
    size = {"n_estimators": trees, **seed}
    voters = [("linear", LogisticRegression()), ("trees", RandomForestClassifier(trees // 5, **seed))]
    classifiers = {
        "random forest": RandomForestClassifier(**size),
        "extra trees": ExtraTreesClassifier(**size),
        "decision tree": DecisionTreeClassifier(**seed),
        "gradient boosting": GradientBoostingClassifier(**size),
        "hist gradient boosting": HistGradientBoostingClassifier(max_iter=trees, **seed),
        "logistic regression": LogisticRegression(),
        "SGD, log loss": SGDClassifier(loss="log_loss", **seed),
        "SGD, hinge": SGDClassifier(**seed),
        "linear SVC": LinearSVC(**seed),
        "RBF SVC": SVC(),
        "RBF SVC, calibrated": CalibratedClassifierCV(SVC(), ensemble=False),
        "5 nearest neighbours": KNeighborsClassifier(),
        "Gaussian naive Bayes": GaussianNB(),
        "MLP": MLPClassifier(max_iter=20, **seed),
        "AdaBoost": AdaBoostClassifier(**size),
        "bagging": BaggingClassifier(**seed),
        "voting, soft": VotingClassifier(voters, voting="soft"),
        "voting, hard": VotingClassifier(voters),
        "isolation forest": IsolationForest(**size),
        "k-means": KMeans(8, n_init=1, **seed),
        "Gaussian mixture": GaussianMixture(3, **seed),
        "principal components + random forest": make_pipeline(PCA(8), RandomForestClassifier(**size)),
    }
    for name, estimator in classifiers.items():
        yield Family(name, _fit(make_pipeline(StandardScaler(), estimator), features, target))
    regressors = {
        "ridge": Ridge(),
        "lasso": Lasso(),
        "random forest regressor": RandomForestRegressor(**size),
        "hist gradient boosting regressor": HistGradientBoostingRegressor(max_iter=trees, **seed),
    }
    for name, estimator in regressors.items():
        yield Family(name, _fit(make_pipeline(StandardScaler(), estimator), numbers, value))
    holes = np.where(np.random.default_rng(SEED).random(features.shape) < 0.1, np.nan, features)
    yield Family(
        "hist gradient boosting, missing values",
        _fit(HistGradientBoostingClassifier(max_iter=trees, **seed), holes, target),
    )
    yield Family("random forest, missing values", _fit(RandomForestClassifier(**size), holes, target))
    for scaler in (MinMaxScaler(), PolynomialFeatures()):
        pipeline = make_pipeline(scaler, StandardScaler(), LogisticRegression(max_iter=1000))
        yield Family(f"{type(scaler).__name__} + logistic regression", _fit(pipeline, features, target))
    people, income = _people(rows)
    categories = people.astype({"city": "category"})
    by_type = HistGradientBoostingClassifier(max_iter=trees, categorical_features="from_dtype", **seed)
    yield Family("hist gradient boosting, categories", _fit(by_type, categories, income))
    for name, estimator in (
        ("logistic regression", LogisticRegression()),
        ("forest", RandomForestClassifier(**size)),
    ):
        pipeline = mixed_pipeline(people, estimator)
        yield Family(f"imputer, scaler, one-hot + {name}", _fit(pipeline, people, income))
    texts, mood = _texts(rows)
    words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression())
    yield Family("TF-IDF + logistic regression", _fit(words, texts, mood))


def _fit(estimator: Any, features: Any, target: Any) -> Callable[[], tuple[Any, Any]]:
    return lambda: (estimator.fit(features, target), features)


def _people(rows: int) -> tuple[pd.DataFrame, Any]:
    generator = np.random.default_rng(SEED)
    age = generator.integers(18, 90, rows).astype(float)
    city = generator.choice(CITIES, rows)
    income = np.where((age > 40) ^ (city == "Berlin"), "high", "low")
    age[generator.random(rows) < 0.1] = np.nan
    city[generator.random(rows) < 0.1] = None
    return pd.DataFrame({"age": age, "height": generator.normal(170, 10, rows), "city": city}), income


def _texts(rows: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(SEED)
    texts = np.array([" ".join(generator.choice(WORDS, 8)) for _ in range(rows)], dtype=object)
    return texts, np.array(["good" if "good" in text and "not" not in text else "bad" for text in texts])
