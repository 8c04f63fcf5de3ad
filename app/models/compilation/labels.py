"""Where an estimator's labels come from: only some may be read off its probabilities or scores."""

from typing import Any

from sklearn.calibration import CalibratedClassifierCV
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
    SGDOneClassSVM,
)
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC, NuSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

# Their ``predict`` is the class of the largest of what ``predict_proba`` returns, to the last bit and in
# ties too.
ARGMAX_OF_PROBABILITIES = (
    BaggingClassifier,
    DecisionTreeClassifier,
    ExtraTreeClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
)
# Their ``predict`` is the class of the largest probability, except where two are as large: it may decide by
# other numbers, of which the probabilities are a function.
LARGEST_PROBABILITY = (
    *ARGMAX_OF_PROBABILITIES,
    AdaBoostClassifier,
    BernoulliNB,
    CalibratedClassifierCV,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    LinearDiscriminantAnalysis,
    LogisticRegression,
    LogisticRegressionCV,
    MLPClassifier,
    MultinomialNB,
    QuadraticDiscriminantAnalysis,
    SGDClassifier,
)
# The same for ``decision_function``: the largest score, or the second class for a positive one.
LARGEST_SCORE = (
    EllipticEnvelope,
    IsolationForest,
    LinearSVC,
    OneClassSVM,
    PassiveAggressiveClassifier,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
    SGDOneClassSVM,
)
# Another neighbour makes another answer, and which is nearer is decided by the last bit of two distances.
BY_NEIGHBOURS = (
    KNeighborsClassifier,
    KNeighborsRegressor,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)


def one_call_is_enough(estimator: Any) -> bool:
    """True if ``predict`` does nothing but take the largest of ``predict_proba``; subclasses may do more."""
    return type(estimator) in ARGMAX_OF_PROBABILITIES


def follow_from_numbers(estimator: Any, *, probabilities: bool) -> bool:
    """True if the label is the class of the largest probability, or else score, wherever one is the largest.

    Not so for votes (SVC of several classes), thresholds, and what nobody here knows.
    """
    kind = type(estimator)
    if probabilities:
        if kind is VotingClassifier:
            return bool(estimator.voting == "soft")
        if kind is GaussianProcessClassifier:
            return len(estimator.classes_) == 2
        return kind in LARGEST_PROBABILITY
    if kind in (SVC, NuSVC):
        return len(estimator.classes_) == 2
    return kind in LARGEST_SCORE
