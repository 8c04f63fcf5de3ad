"""The trees of a fitted ensemble as plain arrays, each with the targets of its leaves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, tree
from sklearn.ensemble._iforest import _average_path_length

Array = NDArray[Any]
FOREST = (
    ensemble.RandomForestClassifier,
    ensemble.ExtraTreesClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesRegressor,
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
    tree.ExtraTreeClassifier,
    tree.ExtraTreeRegressor,
)
BOOSTING = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
HISTOGRAM_BOOSTING = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
TREES = (*FOREST, *BOOSTING, *HISTOGRAM_BOOSTING, ensemble.IsolationForest)


@dataclass(frozen=True)
class ModelTree:
    """One tree as arrays over its nodes; ``left`` is -1 at a leaf.

    ``feature`` <= ``threshold`` goes left, and NaN where ``missing_left``. Nodes in ``categories`` send the
    codes of the set left instead, other codes of ``known`` right, and further ones where NaN goes; if nothing
    is known of a node, all others right. A leaf adds its value to ``target``; if ``values`` are ``classes``,
    it adds one to the target of that number.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    values: Array
    target: int = 0
    classes: bool = False
    categories: Mapping[int, frozenset[int]] = field(default_factory=dict)
    known: Mapping[int, frozenset[int]] = field(default_factory=dict)


def classes_of(estimator: Any, output: int = 0) -> Any:
    """The classes of one of the targets; none of numbers."""
    classes = getattr(estimator, "classes_", ())
    return classes[output] if getattr(estimator, "n_outputs_", 1) > 1 and len(classes) else classes


def of_forest(estimator: Any, output: int = 0) -> Iterator[ModelTree]:
    """A copy of each tree per class, with that class's shares: a leaf counts towards one target.

    A copy ends where its class does: below a node without a row of it all shares are zero, which add nothing.
    Leaves of one class each, as in fully grown forests, need no copies. Sums run as in the original, so that
    ties are the same.
    """
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    pure = all(
        (np.count_nonzero(t.value[t.children_left == -1, output, :], axis=1) == 1).all() for t in trees
    )
    for fitted in trees:
        values = fitted.value[:, output, : max(1, len(classes_of(estimator, output)))]
        if not hasattr(estimator, "classes_"):
            yield _tree(fitted, values[:, 0])
            continue
        if np.abs(values.sum(axis=1) - 1.0).max() > 1e-6:  # trees of scikit-learn before 1.3 hold weights
            values = values / values.sum(axis=1, keepdims=True)
        if pure:
            yield _tree(fitted, values.argmax(axis=1).astype(np.float64), classes=True)
        else:
            for target in np.flatnonzero(values[0]).tolist():
                yield _tree(fitted, values[:, target], target, keep=values[:, target] != 0.0)


def of_boosting(estimator: Any) -> Iterator[ModelTree]:
    """One tree per iteration and target, its leaves shrunk by the learning rate."""
    for iteration in estimator.estimators_:
        for target, member in enumerate(iteration):
            yield _tree(member.tree_, member.tree_.value[:, 0, 0] * estimator.learning_rate, target)


def of_histogram_boosting(estimator: Any) -> Iterator[ModelTree]:
    """As `of_boosting`, for histogram boosting, where a split may be a set of categories."""
    known, position_of = estimator._bin_mapper.make_known_categories_bitsets()
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            sets = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf).tolist()
            yield ModelTree(
                feature=nodes["feature_idx"].astype(np.int64),
                threshold=np.where(nodes["is_categorical"].astype(bool), 0.0, nodes["num_threshold"]),
                left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
                right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
                missing_left=nodes["missing_go_to_left"].astype(bool),
                values=nodes["value"].astype(np.float64),
                target=target,
                categories={
                    node: _bits(predictor.raw_left_cat_bitsets[nodes[node]["bitset_idx"]]) for node in sets
                },
                known={node: _bits(known[position_of[nodes[node]["feature_idx"]]]) for node in sets},
            )


def of_isolation_forest(estimator: Any) -> Iterator[ModelTree]:
    """Leaves add the depth at which a row is expected to be isolated."""
    for member, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        depths = member.tree_.compute_node_depths() - 1 + _average_path_length(member.tree_.n_node_samples)
        yield _tree(member.tree_, depths, features=np.asarray(features))


def _tree(
    fitted: Any,
    values: Array,
    target: int = 0,
    *,
    classes: bool = False,
    features: Array | None = None,
    keep: Array | None = None,
) -> ModelTree:
    """The arrays of a tree of scikit-learn; nodes beside those to keep are leaves."""
    feature = np.maximum(fitted.feature, 0)
    return ModelTree(
        feature=feature if features is None else features[feature],
        threshold=fitted.threshold,
        left=fitted.children_left if keep is None else np.where(keep, fitted.children_left, -1),
        right=fitted.children_right if keep is None else np.where(keep, fitted.children_right, -1),
        missing_left=fitted.missing_go_to_left.astype(bool),
        values=np.asarray(values, dtype=np.float64),
        target=target,
        classes=classes,
    )


def _bits(bitset: Any) -> frozenset[int]:
    return frozenset(
        word * 32 + bit for word, value in enumerate(bitset) for bit in range(32) if int(value) >> bit & 1
    )
