"""Fitted transformers that mix columns, as steps of `matrix_steps`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import decomposition, kernel_approximation, preprocessing
from sklearn.impute import KNNImputer
from sklearn.impute._iterative import IterativeImputer  # its public name must be switched on first
from sklearn.linear_model import BayesianRidge, LinearRegression, Ridge

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.curve_transformers import floats
from app.models.engines.preprocessing import imputer_steps, matrix_steps
from app.models.engines.preprocessing.neighbour_step import ImputeByNeighbours
from app.models.engines.preprocessing.preprocessor import Step

LINEAR = (BayesianRidge, LinearRegression, Ridge)
# scikit-learn's defaults of what Nystroem leaves open.
COEF0, DEGREE = 1.0, 3.0
MAX_POINTS = 20_000
KERNELS = ("rbf", "linear", "poly", "polynomial", "sigmoid")


def _matrix(numbers: Any) -> matrix_steps.Weights:
    if numbers.dtype != np.float64:
        raise NotCompilable("numbers of single precision in a matrix product have no compiled form")
    return tuple(map(tuple, numbers.tolist()))


def _project(components: Any, mean: Any = None, scale: Any = None) -> Step:
    center, spread = (None if numbers is None else floats(numbers) for numbers in (mean, scale))
    rows, columns = components.strides
    # More than the rows where it is a slice of a larger matrix.
    between = columns // rows if 0 < rows < columns else None
    return matrix_steps.Project(_matrix(components), center, spread, between)


def _pca(pca: Any) -> Step:
    scale = None
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    return _project(pca.components_, pca.mean_, scale)


def _nystroem(nystroem: Any) -> Step:
    kernel = nystroem.kernel
    if not isinstance(kernel, str) or kernel not in KERNELS or nystroem.kernel_params:
        raise NotCompilable(f"Nystroem with the kernel {kernel!r} has no compiled form")
    gamma = 1.0 / nystroem.n_features_in_ if nystroem.gamma is None else nystroem.gamma
    coef0 = COEF0 if nystroem.coef0 is None else nystroem.coef0
    degree = DEGREE if nystroem.degree is None else nystroem.degree
    points, weights = _matrix(nystroem.components_), _matrix(nystroem.normalization_)
    return matrix_steps.KernelMap(kernel, points, weights, float(gamma), float(coef0), float(degree))


def _waves(sampler: Any) -> Step:
    return matrix_steps.RandomWaves(_matrix(sampler.random_weights_), floats(sampler.random_offset_))


def _in_turn(imputer: Any) -> Step:
    """The rounds of an IterativeImputer with a linear model for each column."""
    if imputer.sample_posterior or imputer.add_indicator or not np.isnan(imputer.missing_values):
        raise NotCompilable("IterativeImputer that draws, indicates or has another mark has no compiled form")
    fill = np.asarray(imputer.initial_imputer_.statistics_, dtype=np.float64)
    if not np.isfinite(fill).all():
        raise NotCompilable("IterativeImputer with columns all missing has no compiled form")
    guesses = []
    for column, others, model in imputer.imputation_sequence_ if imputer.n_iter_ else ():
        if type(model) not in LINEAR:
            raise NotCompilable(f"IterativeImputer by {type(model).__name__} has no compiled form")
        low, high = imputer._min_value[column], imputer._max_value[column]
        weights = floats(np.asarray(model.coef_).ravel())
        guesses.append(
            (int(column), tuple(map(int, others)), weights, float(model.intercept_), float(low), float(high))
        )
    return imputer_steps.ImputeInTurn(floats(fill), tuple(guesses))


def _by_neighbours(imputer: Any) -> Step:
    points = np.asarray(imputer._fit_X)
    if imputer.weights not in ("uniform", "distance") or imputer.metric != "nan_euclidean":
        raise NotCompilable("KNNImputer with weights or a metric of one's own has no compiled form")
    if imputer.add_indicator or not np.isnan(imputer.missing_values) or not imputer._valid_mask.all():
        raise NotCompilable("KNNImputer that indicates, has another mark or columns all missing")
    if len(points) > MAX_POINTS:
        raise NotCompilable(f"KNNImputer among more than {MAX_POINTS} rows has no compiled form")
    by_distance = imputer.weights == "distance"
    return ImputeByNeighbours(_matrix(points), int(imputer.n_neighbors), by_distance)


MATRIX_STEPS: dict[type, Callable[[Any], Step]] = {
    decomposition.PCA: _pca,
    decomposition.IncrementalPCA: _pca,
    decomposition.TruncatedSVD: lambda svd: _project(svd.components_),
    preprocessing.Normalizer: lambda normalizer: matrix_steps.Normalize(normalizer.norm),
    kernel_approximation.Nystroem: _nystroem,
    kernel_approximation.RBFSampler: _waves,
    IterativeImputer: _in_turn,
    KNNImputer: _by_neighbours,
}
