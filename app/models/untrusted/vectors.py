"""Checks of untrusted models that hold rows, whose shapes compiled code does not check."""

from typing import Any

import numpy as np
import scipy.sparse
from scipy.interpolate import BSpline
from sklearn.metrics._dist_metrics import EuclideanDistance64
from sklearn.neighbors import BallTree, KDTree
from sklearn.svm._base import LIBSVM_IMPL

from app.models.untrusted import Unsound

SPARSE = (scipy.sparse.spmatrix, scipy.sparse.sparray)


def check_sparse(matrix: Any) -> None:
    """A sparse matrix: all positions within its shape."""
    try:
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)
        else:
            matrix.tocsr()  # the constructor has checked the positions
    except ValueError as error:
        raise Unsound(f"a sparse matrix is not consistent: {error}") from None


def check_binary_tree(tree: Any) -> None:
    """A `KDTree` or `BallTree`: existing nodes, which refer to existing points."""
    data, index, nodes, bounds, leaf_size, n_levels, n_nodes, *_, metric, _ = tree.__getstate__()
    kind = type(tree).__name__
    count, width = data.shape
    if (
        leaf_size < 1
        or n_nodes < 1
        or n_nodes & (n_nodes + 1)  # a power of two less one
        or n_nodes.bit_length() != n_levels
        or nodes.shape != (n_nodes,)
        or not isinstance(metric, EuclideanDistance64)
    ):
        raise Unsound(f"a {kind} is not consistent")
    if bounds.shape != (1 if isinstance(tree, BallTree) else 2, n_nodes, width):
        raise Unsound(f"a {kind} has bounds for other nodes than its own")
    if not np.array_equal(np.sort(index), np.arange(count)):
        raise Unsound(f"a {kind} names points that it does not have")
    start, end = nodes["idx_start"], nodes["idx_end"]
    if ((start < 0) | (start > end) | (end > count)).any():
        raise Unsound(f"a {kind} has a node with points that it does not have")
    if not nodes["is_leaf"][n_nodes // 2 :].all():  # inner nodes have two children each
        raise Unsound(f"a {kind} has a node below its last ones")


def check_neighbors(estimator: Any) -> None:
    """Estimators of neighbours: rows of the recorded width, existing classes."""
    if "_fit_X" not in vars(estimator):
        return
    rows, tree, kind = estimator._fit_X, estimator._tree, type(estimator).__name__
    if rows.ndim != 2 or rows.shape != (estimator.n_samples_fit_, estimator.n_features_in_):
        raise Unsound(f"{kind} holds other rows than it was fitted to")
    if isinstance(tree, KDTree | BallTree) and tree.__getstate__()[0].shape != rows.shape:
        raise Unsound(f"{kind} has a tree of other rows than its own")
    codes, classes = vars(estimator).get("_y"), vars(estimator).get("classes_")
    if codes is None or classes is None:
        return
    codes = codes.reshape(len(codes), -1)
    known = [len(each) for each in classes] if estimator.outputs_2d_ else [len(classes)]
    if codes.shape != (len(rows), len(known)) or ((codes < 0) | (codes >= known)).any():
        raise Unsound(f"{kind} names classes that it does not have")
    if (vars(estimator).get("n_neighbors") or 0) > len(rows):
        raise Unsound(f"{kind} asks for more neighbours than it has")


def check_libsvm(estimator: Any) -> None:
    """A libsvm estimator, whose compiled code assumes consistent lengths."""
    if "support_" not in vars(estimator):
        return
    vectors, coefficients, counts = estimator.support_vectors_, estimator._dual_coef_, estimator._n_support
    own, classes = len(estimator.support_), len(counts)
    pairs = classes * (classes - 1) // 2
    probabilities = {len(estimator._probA), len(estimator._probB)}
    classifies = LIBSVM_IMPL.index(estimator._impl) < 2
    given_kernel = callable(estimator.kernel) or estimator.kernel == "precomputed"
    if not (
        coefficients.shape == (classes - 1, own)
        and (not estimator._sparse or (coefficients.nnz, vectors.format) == ((classes - 1) * own, "csr"))
        and (given_kernel or vectors.shape == (own, estimator.n_features_in_))
        and len(estimator._intercept_) == pairs
        and probabilities <= {0, pairs}
        and len(probabilities) == 1
        and (not estimator._effective_probability or probabilities == {pairs})
        and (counts >= 0).all()
        and (not classifies or counts.sum() == own)
        and ((estimator.support_ >= 0) & (estimator.support_ < estimator.shape_fit_[0])).all()
    ):
        raise Unsound(f"{type(estimator).__name__} has support vectors that do not fit its coefficients")


def check_clusters(estimator: Any) -> None:
    """Cluster centers: as wide as the rows."""
    centers = vars(estimator).get("cluster_centers_")
    if centers is not None and (centers.ndim != 2 or centers.shape[1] != estimator.n_features_in_):
        raise Unsound(f"{type(estimator).__name__} has centers of another width than its rows")


def check_spline(spline: Any) -> None:
    """A `BSpline`: as many coefficients as its knots need, in order."""
    try:
        BSpline(spline.t, spline.c, spline.k, axis=spline.axis)
    except (ValueError, TypeError) as error:
        raise Unsound(f"a spline is not consistent: {error}") from None
