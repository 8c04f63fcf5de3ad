"""Attributes that changed between versions of scikit-learn, from 0.24 on, in today's form."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import numpy as np

from app.models.importing.exported.old_trees import adapt_predictor

Attributes = dict[str, Any]

RENAMED = {"base_estimator": "estimator", "base_estimator_": "estimator_", "sparse": "sparse_output"}
LOSSES = {
    "deviance": "log_loss",
    "ls": "squared_error",
    "lad": "absolute_error",
    "log": "log_loss",
    "squared_loss": "squared_error",
    "binary_crossentropy": "log_loss",
    "categorical_crossentropy": "log_loss",
    "least_squares": "squared_error",
    "least_absolute_deviation": "absolute_error",
}


def adapted(kind: type, attributes: Attributes) -> Any:
    """An object of today's class with the attributes of another version's.

    Parameters that came later have their defaults: what the old version did.
    """
    for old, new in RENAMED.items():
        if old in attributes and new not in attributes:
            attributes[new] = attributes[old]
    names = [each.__name__ for each in kind.__mro__]
    for name, adapt in ADAPTATIONS.items():
        if name in names:
            adapt(attributes)
    if isinstance(loss := attributes.get("loss"), str):
        attributes["loss"] = LOSSES.get(loss, loss)
    defaults = {
        parameter.name: parameter.default
        for parameter in signature(kind).parameters.values()
        if parameter.default is not Parameter.empty
    }
    found: Any = object.__new__(kind)
    vars(found).update(defaults | attributes)
    if "_loss" in attributes or "loss_" in attributes:
        _restore_loss(found)
    return found


def _restore_loss(estimator: Any) -> None:
    """Gradient boosting starts from what its loss makes of the mean; the loss itself is no exported part."""
    if hasattr(estimator, "estimators_") and hasattr(estimator, "_get_loss"):
        estimator._loss = estimator._get_loss(sample_weight=None)


def _gradient_boosting(own: Attributes) -> None:
    if "estimators_" not in own:
        return
    own.setdefault("n_trees_per_iteration_", own["estimators_"].shape[1])
    own["_loss"] = None


def _histogram_boosting(own: Attributes) -> None:
    own.setdefault("_preprocessor", None)
    if own.get("loss") == "auto":
        own["loss"] = "log_loss"


def _decision_tree(own: Attributes) -> None:
    if "tree_" in own:
        own.setdefault("n_features_in_", own["tree_"].n_features)


def _forest(own: Attributes) -> None:
    if own.get("estimators_"):
        own.setdefault("n_features_in_", own["estimators_"][0].n_features_in_)


def _isolation_forest(own: Attributes) -> None:
    own.setdefault("_max_samples", own.get("max_samples_"))


def _one_hot(own: Attributes) -> None:
    if "categories_" not in own:
        return
    dropped = own.setdefault("drop_idx_", None)
    own.setdefault("_drop_idx_after_grouping", dropped)
    own.setdefault("_infrequent_enabled", False)
    drops = own["_drop_idx_after_grouping"]
    kept = [drop is None for drop in (drops if drops is not None else [None] * len(own["categories_"]))]
    widths = [len(each) - (not keeps) for each, keeps in zip(own["categories_"], kept, strict=True)]
    own.setdefault("_n_features_outs", widths)


def _ordinal(own: Attributes) -> None:
    own.setdefault("_infrequent_enabled", False)
    own.setdefault("_missing_indices", {})


def _gaussian(own: Attributes) -> None:
    if "sigma_" in own:
        own["var_"] = own.pop("sigma_")


def _polynomial(own: Attributes) -> None:
    own.setdefault("n_features_in_", own.get("n_input_features_"))
    degree = own["degree"]
    low, high = (0, degree) if isinstance(degree, int) else degree
    own.setdefault("_min_degree", low)
    own.setdefault("_max_degree", high)


def _simple_imputer(own: Attributes) -> None:
    if "statistics_" in own:
        own.setdefault("_fit_dtype", np.asarray(own["statistics_"]).dtype)


def _ridge_classifier(own: Attributes) -> None:
    if own.get("_label_binarizer") is not None:
        own.setdefault("classes_", own["_label_binarizer"].classes_)


def _support_vectors(own: Attributes) -> None:
    own.setdefault("_effective_probability", own.get("probability", False))


def _classifier_chain(own: Attributes) -> None:
    """Older versions pass on nothing but predicted labels."""
    if "estimators_" in own:
        own.setdefault("chain_method_", "predict")


def _tfidf_transformer(own: Attributes) -> None:
    """Older versions have the weights as the diagonal of a sparse matrix."""
    if "_idf_diag" in own:
        own["idf_"] = own.pop("_idf_diag").diagonal()


def _tfidf_vectorizer(own: Attributes) -> None:
    """In older versions only the transformer inside has the parameters of the weights."""
    if "_tfidf" in own:
        for name in ("norm", "use_idf", "smooth_idf", "sublinear_tf"):
            own.setdefault(name, getattr(own["_tfidf"], name))


# By the name of the class, or of one that it derives from.
ADAPTATIONS: dict[str, Callable[[Attributes], None]] = {
    "BaseGradientBoosting": _gradient_boosting,
    "BaseHistGradientBoosting": _histogram_boosting,
    "BaseDecisionTree": _decision_tree,
    "BaseForest": _forest,
    "IsolationForest": _isolation_forest,
    "TreePredictor": adapt_predictor,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "GaussianNB": _gaussian,
    "PolynomialFeatures": _polynomial,
    "SimpleImputer": _simple_imputer,
    "RidgeClassifier": _ridge_classifier,
    "RidgeClassifierCV": _ridge_classifier,
    "BaseLibSVM": _support_vectors,
    "ClassifierChain": _classifier_chain,
    "TfidfTransformer": _tfidf_transformer,
    "TfidfVectorizer": _tfidf_vectorizer,
}
