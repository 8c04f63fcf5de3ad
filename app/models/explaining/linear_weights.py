"""Linear weights: read from fitted linear models, and moved before affine transformers."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn import decomposition, preprocessing

from app.models.explaining.explanation import NotExplainable
from app.models.schema.rows import Matrix

# Numbers of the weights: 32 MB.
MOST_WEIGHTS = 4_000_000
AFFINE = (
    decomposition.IncrementalPCA,
    decomposition.PCA,
    decomposition.TruncatedSVD,
    preprocessing.MaxAbsScaler,
    preprocessing.MinMaxScaler,
    preprocessing.RobustScaler,
    preprocessing.StandardScaler,
)


def is_linear(model: Any) -> bool:
    """True for a model with weights of its columns and an intercept."""
    try:
        return hasattr(model, "coef_") and (hasattr(model, "intercept_") or hasattr(model, "offset_"))
    except Exception:  # a property of an estimator may raise anything
        return False


def weights_of(model: Any) -> tuple[Matrix, Matrix]:
    """Weights (outputs, columns) and intercept (outputs,)."""
    weights = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    weights = np.atleast_2d(weights).astype(np.float64)
    if weights.size > MOST_WEIGHTS:
        raise NotExplainable(f"{type(model).__name__} has more than {MOST_WEIGHTS:,} weights")
    intercept = model.intercept_ if hasattr(model, "intercept_") else -model.offset_
    return weights, np.broadcast_to(np.ravel(intercept).astype(np.float64), len(weights)).copy()


def is_affine(transformer: Any) -> bool:
    """True for a transformer whose columns are sums of multiples of its input's."""
    return type(transformer) in AFFINE and not getattr(transformer, "clip", False)


def folded(weights: Matrix, intercept: Matrix, steps: Sequence[Any]) -> tuple[Matrix, Matrix]:
    """Weights and intercept of the columns before affine ``steps``, found at zero and at the unit rows."""
    width = steps[0].n_features_in_
    rows = np.vstack((np.zeros((1, width)), np.eye(width)))
    for step in steps:
        rows = np.asarray(step.transform(rows), dtype=np.float64)
    at_zero, units = rows[0], rows[1:] - rows[0]
    return weights @ units.T, intercept + weights @ at_zero


def mean_row(chunks: Iterable[Any]) -> tuple[Matrix, int]:
    """The mean of transformed rows, dense or sparse, that come in parts, and their number."""
    total, count = np.zeros(1), 0
    for chunk in chunks:
        total = total + np.asarray(chunk.sum(axis=0), dtype=np.float64).ravel()
        count += chunk.shape[0]
    if not count:
        raise NotExplainable("no row of the sample has finite numbers before the model")
    return total / count, count
