"""Estimators by the source of their labels: only some labels follow from probabilities or scores."""

from typing import Any

from sklearn import (
    calibration,
    covariance,
    discriminant_analysis,
    ensemble,
    gaussian_process,
    linear_model,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)

# ``predict`` is the argmax of ``predict_proba``, to the last bit and in ties too.
ARGMAX_OF_PROBABILITIES = (
    ensemble.BaggingClassifier,
    tree.DecisionTreeClassifier,
    tree.ExtraTreeClassifier,
    ensemble.ExtraTreesClassifier,
    ensemble.RandomForestClassifier,
)
# ``predict`` is the class of the largest probability, except in ties: it may decide by other numbers, of
# which the probabilities are a function.
LARGEST_PROBABILITY = (
    *ARGMAX_OF_PROBABILITIES,
    ensemble.AdaBoostClassifier,
    naive_bayes.BernoulliNB,
    calibration.CalibratedClassifierCV,
    naive_bayes.CategoricalNB,
    naive_bayes.ComplementNB,
    naive_bayes.GaussianNB,
    ensemble.GradientBoostingClassifier,
    ensemble.HistGradientBoostingClassifier,
    discriminant_analysis.LinearDiscriminantAnalysis,
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    neural_network.MLPClassifier,
    naive_bayes.MultinomialNB,
    discriminant_analysis.QuadraticDiscriminantAnalysis,
    linear_model.SGDClassifier,
)
# The same for ``decision_function``: the largest score, or the second class for a positive one.
LARGEST_SCORE = (
    covariance.EllipticEnvelope,
    ensemble.GradientBoostingClassifier,
    ensemble.HistGradientBoostingClassifier,
    ensemble.IsolationForest,
    discriminant_analysis.LinearDiscriminantAnalysis,
    svm.LinearSVC,
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    svm.OneClassSVM,
    linear_model.PassiveAggressiveClassifier,
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    linear_model.SGDClassifier,
    linear_model.SGDOneClassSVM,
)
# Predictions change with the order of neighbours, which the last bit of two distances decides.
BY_NEIGHBOURS = (
    neighbors.KNeighborsClassifier,
    neighbors.KNeighborsRegressor,
    neighbors.LocalOutlierFactor,
    neighbors.NearestCentroid,
    neighbors.RadiusNeighborsClassifier,
    neighbors.RadiusNeighborsRegressor,
)


def one_call_is_enough(estimator: Any) -> bool:
    """True if ``predict`` is the argmax of ``predict_proba``; subclasses may differ."""
    return type(estimator) in ARGMAX_OF_PROBABILITIES


def follow_from_numbers(estimator: Any, *, probabilities: bool) -> bool:
    """True if the label is the class of the largest probability or score, ties aside.

    False for votes (SVC of several classes), thresholds, and unknown estimators.
    """
    kind = type(estimator)
    if probabilities:
        if kind is ensemble.VotingClassifier:
            return bool(estimator.voting == "soft")
        if kind is gaussian_process.GaussianProcessClassifier:
            return len(estimator.classes_) == 2
        return kind in LARGEST_PROBABILITY
    if kind in (svm.SVC, svm.NuSVC):
        return len(estimator.classes_) == 2
    return kind in LARGEST_SCORE
