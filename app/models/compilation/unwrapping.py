"""The estimator that predicts, inside of wrappers that only pass on what it answers."""

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.feature_selection import RFE, RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.semi_supervised import SelfTrainingClassifier

# The attribute with the fitted estimator, by the class of the wrapper. Halving searches, which are
# experimental, are known by their names.
INNER = {
    GridSearchCV: "best_estimator_",
    RandomizedSearchCV: "best_estimator_",
    FrozenEstimator: "estimator",
    SelfTrainingClassifier: "estimator_",
}
HALVING = ("HalvingGridSearchCV", "HalvingRandomSearchCV")
# Wrappers that select columns first, as a transformer, and the attribute with what predicts then.
SELECTING = {RFE: "estimator_", RFECV: "estimator_"}


def unwrapped(estimator: Any) -> Any:
    """The estimator without wrappers; others, subclasses included, as they are."""
    while name := INNER.get(type(estimator)) or _of_halving(estimator):
        estimator = getattr(estimator, name)
    return estimator


def without_samplers(steps: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The steps of a pipeline of imbalanced-learn as they predict: samplers only work in ``fit``."""
    return [(name, step) for name, step in steps if not hasattr(step, "fit_resample")]


def _of_halving(estimator: Any) -> str | None:
    kind = type(estimator)
    known = kind.__name__ in HALVING and kind.__module__.startswith("sklearn.")
    return "best_estimator_" if known and isinstance(estimator, BaseEstimator) else None
