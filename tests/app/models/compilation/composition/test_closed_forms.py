"""Models that are a formula, of distances, densities or products, answer as themselves."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import AffinityPropagation, Birch, KMeans, MeanShift, MiniBatchKMeans
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelPropagation, LabelSpreading
from sklearn.svm import SVC, LinearSVC

from app.models.engines.composed.composed_kernel import function_of
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
from tests.boundaries import bisected

pytestmark = pytest.mark.filterwarnings("ignore")
GENERATOR = np.random.default_rng(1)

CLASSIFIERS = {
    "neighbours": KNeighborsClassifier(),
    "neighbours by distance": KNeighborsClassifier(4, weights="distance"),
    "neighbours, Manhattan": KNeighborsClassifier(3, p=1, algorithm="brute"),
    "a neighbour for everyone": KNeighborsClassifier(240, algorithm="brute"),
    "bagged neighbours": BaggingClassifier(KNeighborsClassifier(), 3, max_features=3, random_state=0),
    "within a radius": RadiusNeighborsClassifier(2.75, outlier_label="most_frequent"),
    "centroids": NearestCentroid(),
    "centroids, uneven": NearestCentroid(priors="empirical"),
    "discriminant": LinearDiscriminantAnalysis(),
    "discriminant, calibrated": CalibratedClassifierCV(LinearDiscriminantAnalysis(), cv=2),
    "quadratic discriminant": QuadraticDiscriminantAnalysis(),
    "quadratic discriminant, calibrated": CalibratedClassifierCV(QuadraticDiscriminantAnalysis(), cv=2),
    "ridge": RidgeClassifier(),
    "naive Bayes": GaussianNB(),
    "network": MLPClassifier((4,), max_iter=20, random_state=0),
    "propagation": LabelPropagation(gamma=0.2),
    "spreading": LabelSpreading(gamma=0.2),
    "the most frequent": DummyClassifier(),
    "pairs": OneVsOneClassifier(LinearSVC()),
    "pairs of support vectors": OneVsOneClassifier(SVC()),
    "scores against the rest": OneVsRestClassifier(SVC()),
    "output codes": OutputCodeClassifier(LogisticRegression(), random_state=0),
}
REGRESSORS = {
    "neighbours": KNeighborsRegressor(),
    "neighbours by distance": KNeighborsRegressor(weights="distance", p=1),
    "within a radius": RadiusNeighborsRegressor(2.75),
    "kernel ridge": KernelRidge(),
    "kernel ridge, radial": KernelRidge(kernel="rbf", alpha=0.1),
    "kernel ridge, polynomial": KernelRidge(kernel="polynomial"),
    "the mean": DummyRegressor(),
}
CLUSTERS = {
    "means": KMeans(4, n_init=1, random_state=0),
    "means of small batches": MiniBatchKMeans(4, n_init=1, random_state=0),
    "exemplars": AffinityPropagation(random_state=0),
    "shifts": MeanShift(bandwidth=4),
    "subclusters": Birch(),
    **{
        f"mixture, {kind}": GaussianMixture(3, covariance_type=kind, random_state=0)
        for kind in ("full", "tied", "diag", "spherical")
    },
    "mixture of one": GaussianMixture(),
    "mixture, Bayesian": BayesianGaussianMixture(n_components=3, random_state=0),
}
SPREAD = ROWS + GENERATOR.normal(scale=0.1, size=ROWS.shape)  # no two rows are as far from a third


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("target", [TWO, THREE], ids=["two classes", "three"])
def test_classifiers(name, target):
    check(CLASSIFIERS[name], target, rows=SPREAD)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name):
    check(REGRESSORS[name], NUMBERS, rows=SPREAD)


@pytest.mark.parametrize("name", CLUSTERS)
def test_clusterers(name):
    check(CLUSTERS[name], None, rows=SPREAD)


def test_a_row_between_two_points_goes_to_the_model():
    """To which of two equally near points a model gives way is decided by the last bit of a distance."""
    part = {"points": np.array([[0.0], [1.0]]), "targets": np.array([[5.0], [7.0]])}
    part |= {
        "op": "neighbours",
        "count": 1,
        "by_distance": False,
        "manhattan": False,
        "classes": [],
        "exact": True,
    }
    found = function_of(part)(np.array([[0.25], [0.5], [0.75], [np.inf]]))
    np.testing.assert_array_equal(found, [[5.0], [np.nan], [7.0], [np.nan]])
    nearest = function_of({"op": "nearest", "points": part["points"], "codes": np.array([2, 2])})
    np.testing.assert_array_equal(nearest(np.array([[0.5]])), [[2.0]])  # the same cluster either way


@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
def test_a_row_that_is_a_point_counts_alone_where_distances_are_exact(store, algorithm):
    model = KNeighborsRegressor(weights="distance", algorithm=algorithm).fit(SPREAD, NUMBERS)
    certificate = composed(model, NUMBERS, SPREAD)[2]
    assert certificate["certified"], certificate["reason"]
    publish(store, model, sample=SPREAD, version="v1")
    found = load(store, "v1", LoadingOptions(engine="onnx")).engine
    np.testing.assert_allclose(found.predict(SPREAD).values, NUMBERS, rtol=1e-6)
    _, left = found.compiled.attempt(SPREAD[:9])
    assert left == (None if algorithm == "kd_tree" else list(range(9)))


@pytest.mark.parametrize(
    "model",
    [
        GaussianMixture(3, random_state=0),
        GaussianMixture(3, covariance_type="diag", random_state=0),
        GaussianNB(),
        LinearDiscriminantAnalysis(),
        QuadraticDiscriminantAnalysis(),
        OutputCodeClassifier(LogisticRegression(), code_size=0.5, random_state=2),
        make_pipeline(
            Nystroem(kernel="poly", degree=2, n_components=10, random_state=3),
            HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=8),
        ),
    ],
    ids=[
        "mixture",
        "mixture of axes",
        "naive Bayes",
        "discriminant",
        "quadratic",
        "codes",
        "trees behind kernels",
    ],
)
def test_boundaries_far_from_the_training_data_are_the_models(store, model):
    """There the logarithms are so large that their rounding is more than any difference of two shares."""
    model.fit(SPREAD, THREE)
    publish(store, model, sample=SPREAD, version="v1")
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    classes = np.array(getattr(model, "classes_", np.arange(3)))
    for far in (1.0, 1e3, 1e5):
        edges = bisected(model, *(far * GENERATOR.normal(size=(2, 300, 4))))
        for rows in (edges[start : start + 3] for start in range(0, len(edges), 3)):
            assert (classes[engine.predict(rows).values] == model.predict(rows)).all()


def test_votes_by_short_distances_that_a_product_rounds_are_the_models(store):
    near = SPREAD + 1e-5 * GENERATOR.normal(size=SPREAD.shape)
    rows, target = np.vstack([SPREAD, near]), np.repeat([0, 1], len(SPREAD))
    model = KNeighborsClassifier(algorithm="brute", weights="distance").fit(rows, target)
    publish(store, model, sample=rows, version="v1")
    engine = load(store, "v1", LoadingOptions(engine="onnx")).engine
    for row in (SPREAD + near)[:100, None] / 2:
        assert engine.predict(row).values.tolist() == model.predict(row).tolist()


def test_shares_of_next_to_nothing_are_the_models():
    """Of numbers that are hardly any, the last bit is a part that is seen."""
    found = function_of({"op": "shares"})(np.array([[1e-300, 3e-300], [1e-20, 3e-20], [0.0, 0.0]]))
    np.testing.assert_allclose(found, [[np.nan, np.nan], [0.25, 0.75], [np.nan, np.nan]])


def test_many_rows_are_compared_with_few_points_at_a_time(monkeypatch):
    part = {"op": "nearest", "points": ROWS, "codes": np.arange(len(ROWS))}
    whole = function_of(part)(MANY)
    monkeypatch.setattr("app.models.engines.composed.distances.MAX_DISTANCES", 1_000)
    np.testing.assert_array_equal(function_of(part)(MANY), whole)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (KNeighborsClassifier(metric="cosine"), "neighbours by cosine"),
        (KNeighborsClassifier(weights=lambda distances: distances), "weights of one's own"),
        (DummyClassifier(strategy="uniform"), "labels by chance"),
        (LabelPropagation(kernel="knn"), "a kernel of one's own"),
        (NearestCentroid(metric="manhattan"), "another metric"),
        (OneVsOneClassifier(GaussianNB()), "pairs of classes without scores"),
    ],
    ids=["a metric", "weights", "chance", "neighbours", "centroids", "pairs"],
)
def test_what_has_no_formula_here_is_said(model, reason):
    *_, certificate = composed(model, THREE)
    assert not certificate["certified"]
    assert reason in certificate["reason"]


def test_an_envelope_has_its_score(store):
    model = EllipticEnvelope(random_state=0).fit(ROWS)
    publish(store, model, sample=ROWS, version="v1")
    found = load(store, "v1", LoadingOptions(engine="onnx")).engine.predict(MANY)
    assert (np.array([-1, 1])[found.values] == model.predict(MANY)).all()
    np.testing.assert_allclose(found.probabilities[:, 0], model.decision_function(MANY), rtol=1e-9)
