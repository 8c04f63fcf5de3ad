"""Fitted transformers that mix columns, as steps of `matrix_steps`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
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
# Beyond, trees of points find neighbours faster than one product with all of them.
MAX_POINTS = 20_000
KERNELS = ("rbf", "linear", "poly", "polynomial", "sigmoid")


def matrix(numbers: Any) -> matrix_steps.Weights:
    """:raises NotCompilable: for numbers of single precision."""
    if numbers.dtype != np.float64:
        raise NotCompilable("numbers of single precision in a matrix product have no compiled form")
    return tuple(map(tuple, numbers.tolist()))


def project(components: Any, mean: Any = None, scale: Any = None) -> Step:
    """The product of a row with the components, (outputs, inputs).

    They are in the order in memory that they have in the stored model: pickling keeps that of a whole matrix
    by columns, and makes rows come first in a slice or a reversed view.

    :raises NotCompilable: for components of single precision.
    """
    center, spread = (None if numbers is None else floats(numbers) for numbers in (mean, scale))
    by_columns = components.flags.f_contiguous and not components.flags.c_contiguous
    return matrix_steps.Project(matrix(components), center, spread, by_columns)


def _pca(pca: Any) -> Step:
    scale = None
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        scale = np.maximum(scale, np.finfo(scale.dtype).eps)
    return project(pca.components_, pca.mean_, scale)


def kernel_map(kernel: Any, points: Any, weights: Any, gamma: Any, coef0: float, degree: float) -> Step:
    """The kernels of a row with the points, (n, inputs), times the weights, (outputs, n).

    :param gamma: None for one over the number of columns, as in scikit-learn's kernels.
    :raises NotCompilable: for other kernels, and points that are sparse or of single precision.
    """
    if not isinstance(kernel, str) or kernel not in KERNELS or issparse(points):
        raise NotCompilable(f"the kernel {kernel!r}, or sparse points, have no compiled form")
    gamma = 1.0 / points.shape[1] if gamma is None else gamma
    arrays = matrix(points), matrix(weights)
    return matrix_steps.KernelMap(kernel, *arrays, float(gamma), float(coef0), float(degree))


def _nystroem(nystroem: Any) -> Step:
    if nystroem.kernel_params:
        raise NotCompilable("Nystroem with parameters of a kernel has no compiled form")
    coef0 = COEF0 if nystroem.coef0 is None else nystroem.coef0
    degree = DEGREE if nystroem.degree is None else nystroem.degree
    points, weights = nystroem.components_, nystroem.normalization_
    return kernel_map(nystroem.kernel, points, weights, nystroem.gamma, coef0, degree)


def _waves(sampler: Any) -> Step:
    return matrix_steps.RandomWaves(matrix(sampler.random_weights_), floats(sampler.random_offset_))


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
    return ImputeByNeighbours(matrix(points), int(imputer.n_neighbors), by_distance)


MATRIX_STEPS: dict[type, Callable[[Any], Step]] = {
    decomposition.PCA: _pca,
    decomposition.IncrementalPCA: _pca,
    decomposition.TruncatedSVD: lambda svd: project(svd.components_),
    preprocessing.Normalizer: lambda normalizer: matrix_steps.Normalize(normalizer.norm),
    kernel_approximation.Nystroem: _nystroem,
    kernel_approximation.RBFSampler: _waves,
    IterativeImputer: _in_turn,
    KNNImputer: _by_neighbours,
}
