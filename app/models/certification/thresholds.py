"""Rows on the thresholds of decision trees, and one floating-point step to either side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.compilation.boosting.boosted_trees import boosted_trees, library_of
from app.models.compilation.model_trees import ModelTree
from app.models.compilation.tree_graph import has_tree_graph
from app.models.schema.rows import Matrix

MAX_NODES = 20_000
USUAL_TREES = 100  # ensembles of more trees, each of which answers every row, try fewer nodes
LEAST_NODES = 2_000
STARTS = 16


@dataclass(frozen=True)
class Tree:
    """A binary tree as arrays over its nodes: x <= threshold goes left, and ``left`` is -1 at a leaf."""

    feature: NDArray[np.int64]
    threshold: Matrix
    left: NDArray[np.int64]
    right: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """One split and a row that reaches it. ``first``: the first such row."""

    row: Matrix
    feature: int
    threshold: float
    first: bool


def trees_of(estimator: Any) -> Iterator[Tree]:
    """Every tree inside a fitted estimator, ensembles of ensembles included."""
    if library_of(estimator):
        yield from (Tree(*_splits_of(tree)) for tree in boosted_trees(estimator).trees)
    elif hasattr(estimator, "tree_"):
        tree = estimator.tree_
        yield Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right)
    elif hasattr(estimator, "_predictors"):
        for iteration in estimator._predictors:
            for predictor in iteration:
                yield _histogram_tree(predictor.nodes)
    elif hasattr(estimator, "estimators_") and not hasattr(estimator, "order_"):  # a chain adds columns
        subsets = getattr(estimator, "estimators_features_", None)
        members = estimator.estimators_  # no array of a list: it would spread forests, which are sequences
        members = members.ravel().tolist() if isinstance(members, np.ndarray) else members
        for position, member in enumerate(members):
            for tree in trees_of(member):
                yield tree if subsets is None else _renamed(tree, subsets[position])


def edge_rows(
    estimator: Any, base: Matrix, *, missing: bool, max_nodes: int = MAX_NODES
) -> tuple[Matrix, int, int]:
    """Rows that reach each split and lie on its threshold, float64 (n, d).

    For each split: its threshold and one float64 step to either side, the nearest float32 and one
    float32 step to either side, and NaN if ``missing``. Splits beyond ``max_nodes`` are thinned evenly, and
    so are those of many trees, whose graph is proven split by split.

    :param base: start rows, (m, d); values that do not decide the path to the split stay unchanged.
    :returns: the rows, the number of splits tried, and the total number of splits.
    """
    trees = list(trees_of(estimator))
    total = sum(int((tree.left >= 0).sum()) for tree in trees)
    if has_tree_graph(estimator) or library_of(estimator):
        max_nodes = min(max_nodes, max(LEAST_NODES, max_nodes * USUAL_TREES // max(1, len(trees))))
    splits = list(_splits(trees, base, stride=max(1, -(-total // max_nodes))))
    if not splits:
        return np.empty((0, base.shape[1])), 0, 0
    steps = _neighbours(np.array([split.threshold for split in splits]), missing=missing)
    rows = np.repeat(np.stack([split.row for split in splits]), steps.shape[1], axis=0)
    features = np.repeat([split.feature for split in splits], steps.shape[1])
    rows[np.arange(len(rows)), features] = steps.ravel()
    return rows, sum(split.first for split in splits), total


def _splits(trees: list[Tree], base: Matrix, stride: int) -> Iterator[Split]:
    """Every so many of the splits.

    The sides of a split near the root may agree on one row, which would hide an error: the root is tried with
    16 rows, its children with 8 each, and so on down to one.
    """
    passed = 0
    for number, tree in enumerate(trees):
        parent, depth = _ancestry(tree)
        # Infinite if a forest separates only missing values, NaN if a set of categories has no threshold.
        tried = np.flatnonzero((tree.left >= 0) & np.isfinite(tree.threshold))
        for start in range(STARTS):
            nodes = tried[start < np.maximum(1, STARTS >> depth[tried])]
            for node in nodes[-passed % stride :: stride].tolist():
                yield _reached(
                    tree, parent, node, base[(number * STARTS + start) % len(base)], first=start == 0
                )
            passed += len(nodes)


def _ancestry(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The parent, -1 of the root, and the depth of each node."""
    parent, depth = np.full(len(tree.left), -1), np.zeros(len(tree.left), np.int64)
    level = np.array([0])
    while len(level := level[tree.left[level] >= 0]):
        for children in (tree.left[level], tree.right[level]):
            parent[children], depth[children] = level, depth[level] + 1
        level = np.concatenate([tree.left[level], tree.right[level]])
    return parent, depth


def _reached(tree: Tree, parent: NDArray[np.int64], node: int, row: Matrix, *, first: bool) -> Split:
    """The split at a node, with the row moved into its region, from the root on."""
    path = [node]
    while (above := int(parent[path[-1]])) >= 0:
        path.append(above)
    lowest, highest = np.full(len(row), -np.inf), np.full(len(row), np.inf)
    for at, child in zip(path[:0:-1], path[-2::-1], strict=True):
        feature, threshold = int(tree.feature[at]), float(tree.threshold[at])
        if np.isnan(threshold):
            continue
        if child == tree.left[at]:
            highest[feature] = min(highest[feature], threshold)
        else:
            lowest[feature] = max(lowest[feature], threshold)
        row = _inside(row, feature, lowest, highest)
    return Split(row, int(tree.feature[node]), float(tree.threshold[node]), first=first)


def _inside(row: Matrix, feature: int, low: Matrix, high: Matrix) -> Matrix:
    """The row with one value moved into (low, high] if necessary."""
    floor, ceiling = low[feature], high[feature]
    if floor < row[feature] <= ceiling:
        return row
    moved = row.copy()
    if np.isinf(floor):
        moved[feature] = ceiling - 1.0
    elif np.isinf(ceiling):
        moved[feature] = floor + 1.0
    else:
        moved[feature] = (floor + ceiling) / 2
    return moved


def _neighbours(thresholds: Matrix, *, missing: bool) -> Matrix:
    columns: list[NDArray[Any]] = []
    with np.errstate(over="ignore"):
        for numbers in (thresholds, thresholds.astype(np.float32)):  # each steps in its own precision
            columns += np.nextafter(numbers, -np.inf), numbers, np.nextafter(numbers, np.inf)
    # CatBoost's border for missing values is the least float32: a step below is no number of a row.
    columns = [np.where(np.isinf(column), thresholds, column) for column in columns]
    return np.column_stack([*columns, np.full(len(thresholds), np.nan)] if missing else columns)


def _histogram_tree(nodes: Any) -> Tree:
    """A tree of histogram gradient boosting; splits on categories have no threshold."""
    leaf = nodes["is_leaf"].astype(bool)
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    threshold = np.where(nodes["is_categorical"].astype(bool), np.nan, nodes["num_threshold"])
    return Tree(nodes["feature_idx"].astype(np.int64), threshold, left, nodes["right"].astype(np.int64))


def _splits_of(tree: ModelTree) -> tuple[NDArray[Any], ...]:
    """Splits on categories have no threshold."""
    sets = np.isin(np.arange(len(tree.left)), list(tree.categories))
    return tree.feature, np.where(sets, np.nan, tree.threshold), tree.left, tree.right


def _renamed(tree: Tree, features: NDArray[np.int64]) -> Tree:
    columns = np.where(tree.left >= 0, np.asarray(features)[np.maximum(tree.feature, 0)], tree.feature)
    return Tree(columns, tree.threshold, tree.left, tree.right)
