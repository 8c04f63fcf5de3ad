"""A linear model of texts: its product with the few terms of a text, instead of all its columns."""

from base64 import b64encode
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn import linear_model, naive_bayes, svm
from sklearn.feature_extraction.text import TfidfTransformer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.text_transformers import TEXT_STEPS, weighted_terms
from app.models.engines.preprocessing.text import TextStep, WordHashes
from app.models.schema.rows import Matrix

# Numbers of the product: 32 MB.
MOST_WEIGHTS = 4_000_000
COEFFICIENTS = "coef_"
# By class: the attribute that a row is multiplied with before anything else, (outputs, terms) or (terms,).
WEIGHTS = {
    **dict.fromkeys(
        (
            linear_model.LinearRegression,
            linear_model.LogisticRegression,
            linear_model.LogisticRegressionCV,
            linear_model.ElasticNet,
            linear_model.GammaRegressor,
            linear_model.Lasso,
            linear_model.PassiveAggressiveClassifier,
            linear_model.PassiveAggressiveRegressor,
            linear_model.Perceptron,
            linear_model.PoissonRegressor,
            linear_model.Ridge,
            linear_model.RidgeCV,
            linear_model.RidgeClassifier,
            linear_model.RidgeClassifierCV,
            linear_model.SGDClassifier,
            linear_model.SGDRegressor,
            linear_model.TweedieRegressor,
            svm.LinearSVC,
            svm.LinearSVR,
        ),
        COEFFICIENTS,
    ),
    naive_bayes.MultinomialNB: "feature_log_prob_",
    naive_bayes.ComplementNB: "feature_log_prob_",
}


@dataclass(frozen=True)
class Product:
    """Stands for the product with a linear model's ``weights``, float64 (outputs, terms)."""

    weights: Matrix


def _with_product(step: TextStep, product: Product) -> TextStep:
    weights = product.weights.T
    if isinstance(step, WordHashes):
        columns = np.flatnonzero(weights.any(axis=1))
        weights, step = weights[columns], replace(step, columns=tuple(columns.tolist()))
    if weights.size > MOST_WEIGHTS:
        raise NotCompilable(f"more than {MOST_WEIGHTS:,} weights of terms")
    numbers = np.ascontiguousarray(weights, dtype="<f8").tobytes()
    return replace(step, outputs=weights.shape[1], product=b64encode(numbers).decode())


def multiplied(transformers: list[Any], last: Any) -> tuple[list[Any], Any]:
    """The product as a further transformer, and the model of its columns, if texts reach a linear model."""
    before = [each for each in transformers[-2:] if not isinstance(each, TfidfTransformer)]
    name = WEIGHTS.get(type(last))
    if name is None or not before or type(before[-1]) not in TEXT_STEPS:
        return transformers, last
    weights = getattr(last, name)
    weights = weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights)
    product = np.atleast_2d(weights).astype(np.float64)
    narrowed = copy(last)
    setattr(narrowed, name, np.eye(len(product)).reshape(*weights.shape[:-1], -1))
    narrowed.n_features_in_ = len(product)
    return [*transformers, Product(product)], narrowed


# From a step of texts and what follows it to a step that does both.
WEIGHTED_TERMS: dict[type, Callable[[TextStep, Any], TextStep]] = {
    TfidfTransformer: weighted_terms,
    Product: _with_product,
}
