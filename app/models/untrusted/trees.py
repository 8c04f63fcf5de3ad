"""Checks of untrusted decision trees, whose nodes scikit-learn walks without bounds checks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from app.models.untrusted import Unsound
from app.models.untrusted.encoders import encodes_categories

LEAF = -1
# Words of 32 bits with a bit for each of up to 256 categories.
BITSET_WORDS = 8


def check_tree(tree: Any) -> None:
    """A `Tree`: one root, every node below its parent, existing features, leaves with values."""
    inner = tree.children_left != LEAF
    _check_nodes("a decision tree", inner, tree.children_left, tree.children_right, depth=tree.max_depth)
    _check_features("a decision tree", tree.feature[inner], tree.n_features)
    if tree.n_outputs < 1 or not (tree.n_classes >= 1).all():
        raise Unsound("a decision tree has leaves without values")


def check_predictor(predictor: Any) -> None:
    """A `TreePredictor` alone; `check_histogram_boosting` checks its features."""
    nodes = predictor.nodes
    if nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
        raise Unsound("a tree of histogram boosting has no array of nodes")
    inner = nodes["is_leaf"] == 0
    _check_nodes("a tree of histogram boosting", inner, nodes["left"], nodes["right"])
    categorical = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        if bitsets.ndim != 2 or bitsets.shape[1] != BITSET_WORDS or (categorical >= len(bitsets)).any():
            raise Unsound("a tree of histogram boosting names categories that it does not have")


def check_width(estimator: Any) -> None:
    """A tree or a forest, which passes its rows to its trees unchecked: as wide as its rows."""
    own = [estimator] if "tree_" in vars(estimator) else []
    for member in (*own, *vars(estimator).get("estimators_", ())):
        _check_member(member, _width(estimator))


def check_isolation_forest(estimator: Any) -> None:
    """An isolation forest passes a subset of the columns to each tree, or all if their number is equal."""
    own = vars(estimator)
    for member, columns in zip(own.get("estimators_", ()), own.get("estimators_features_", ()), strict=True):
        _check_member(member, len(columns))
        if len(columns) > _width(estimator):
            raise Unsound("a tree of an IsolationForest takes more columns than the forest")


def check_boosting(estimator: Any) -> None:
    """Boosting adds the output of trees to a matrix with a column for each tree of an iteration."""
    members = vars(estimator).get("estimators_")
    if members is None:
        return
    width = _width(estimator)
    for member in np.asarray(members, dtype=object).ravel():
        _check_member(member, width)
    columns = estimator._raw_predict_init(np.zeros((1, width), dtype=np.float32)).shape[1]
    if members.ndim != 2 or members.shape[1] != columns:
        raise Unsound(f"{type(estimator).__name__} has trees for another number of answers than it gives")


def check_histogram_boosting(estimator: Any) -> None:
    """Trees of histogram boosting know neither the width of rows nor which columns are categories."""
    if "_predictors" not in vars(estimator):
        return
    width = _width(estimator)
    if estimator._preprocessor is not None and not encodes_categories(estimator._preprocessor, width):
        raise Unsound(f"{type(estimator).__name__} has a preprocessor that is not scikit-learn's own")
    categorical = np.asarray(estimator._bin_mapper.is_categorical_)
    if categorical.shape != (width,):
        raise Unsound(f"{type(estimator).__name__} has bins for other columns than its own")
    for predictor in (each for iteration in estimator._predictors for each in iteration):
        nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
        _check_features("a tree of histogram boosting", nodes["feature_idx"], len(categorical))
        if not categorical[nodes["feature_idx"][nodes["is_categorical"] != 0]].all():
            raise Unsound("a tree of histogram boosting takes numbers for categories")


def _check_nodes(
    name: str, inner: NDArray[Any], left: NDArray[Any], right: NDArray[Any], *, depth: int | None = None
) -> None:
    """Each node but the first is a child once, and after its parent: all are reachable, without a circle."""
    if len(inner) == 0:
        raise Unsound(f"{name} has no nodes")
    parents = np.flatnonzero(inner)
    left, right = left[parents].astype(np.int64), right[parents].astype(np.int64)
    children = np.concatenate((left, right))
    if not np.array_equal(np.sort(children), np.arange(1, len(inner))):
        raise Unsound(f"{name} has a child that is not one of its nodes, or two parents for one node")
    if (left <= parents).any() or (right <= parents).any():
        raise Unsound(f"{name} leads in a circle")
    if depth is not None and _depth(parents, left, right, len(inner)) > depth:
        raise Unsound(f"{name} is deeper than it says")


def _depth(parents: NDArray[Any], left: NDArray[Any], right: NDArray[Any], count: int) -> int:
    below = np.full((count, 2), -1)
    below[parents, 0], below[parents, 1] = left, right
    level, depth = np.zeros(1, dtype=np.int64), -1
    while len(level):
        level = below[level].ravel()
        level, depth = level[level >= 0], depth + 1
    return depth


def _check_features(name: str, features: NDArray[Any], width: int) -> None:
    if ((features < 0) | (features >= width)).any():
        raise Unsound(f"{name} splits by a feature that it does not have")


def _check_member(member: Any, width: int) -> None:
    """A fitted tree that takes ``width`` columns."""
    if not isinstance(member, BaseDecisionTree) or not isinstance(vars(member).get("tree_"), Tree):
        raise Unsound("an ensemble of trees holds something else")
    if not _width(member) == member.tree_.n_features == width:
        raise Unsound(f"{type(member).__name__} has a tree for another number of columns than it is given")


def _width(estimator: Any) -> int:
    """The recorded width; without it scikit-learn does not check the width of rows."""
    width = vars(estimator).get("n_features_in_")
    if not isinstance(width, int | np.integer):
        raise Unsound(f"{type(estimator).__name__} does not say how many columns it takes")
    return int(width)
