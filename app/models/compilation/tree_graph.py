"""scikit-learn's tree ensembles as ONNX graphs in float64, with their thresholds and leaves as they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import ModelProto
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.ensemble._iforest import _average_path_length
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from app.models.compilation.tree_operator import Chain, Ensemble, Split

FOREST = (
    RandomForestClassifier,
    ExtraTreesClassifier,
    RandomForestRegressor,
    ExtraTreesRegressor,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
)
BOOSTING = (GradientBoostingClassifier, GradientBoostingRegressor)
HISTOGRAM_BOOSTING = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


def has_tree_graph(estimator: Any) -> bool:
    """True if `tree_graph` can write this estimator."""
    known = (*FOREST, *BOOSTING, *HISTOGRAM_BOOSTING, IsolationForest)
    return isinstance(estimator, known) and getattr(estimator, "n_outputs_", 1) == 1


def tree_graph(estimator: Any, *, width: int) -> ModelProto:
    """The estimator as a graph from X, float64 (n, width): to probabilities (n, classes), to values
    (n, 1), or, of an isolation forest, to its decision function (n, 1).

    :raises TypeError: for gradient boosting that starts from another estimator.
    """
    if isinstance(estimator, IsolationForest):
        chain = _isolation(estimator)
    elif isinstance(estimator, HISTOGRAM_BOOSTING):
        chain = _histogram(estimator)
    elif isinstance(estimator, BOOSTING):
        chain = _boosting(estimator)
    else:
        chain = _forest(estimator)
    return chain.model(width=width)


def rounds_to_float32(estimator: Any) -> bool:
    """True for trees that round their input to float32 before the first split: all but histogram boosting."""
    return not isinstance(estimator, HISTOGRAM_BOOSTING)


def _forest(estimator: Any) -> Chain:
    """The mean over the trees of their leaf's class shares, or of its value."""
    ensemble = Ensemble()
    members = getattr(estimator, "estimators_", [estimator])
    classes = len(getattr(estimator, "classes_", ()))
    for member in members:
        values = member.tree_.value[:, 0, :]
        if classes:
            values = values / values.sum(axis=1, keepdims=True)
        _add_tree(ensemble, member.tree_, values[:, 1:] if classes == 2 else values)
    chain = Chain(ensemble, targets=1 if classes == 2 else max(classes, 1))
    chain.then("Div", [float(len(members))])
    return chain.with_complement() if classes == 2 else chain


def _boosting(estimator: Any) -> Chain:
    """The initial prediction plus the shrunken sum of the trees, through the loss's inverse link."""
    if not isinstance(estimator.init_, DummyClassifier | DummyRegressor | str):
        raise TypeError("gradient boosting that starts from another estimator has no tree graph")
    ensemble = Ensemble()
    for iteration in estimator.estimators_:
        for target, member in enumerate(iteration):
            values = member.tree_.value[:, 0, 0] * estimator.learning_rate
            ensemble.add(list(_nodes_of(member.tree_, values)), target)
    targets = estimator.estimators_.shape[1]
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
    chain = Chain(ensemble, targets=targets).then("Add", np.ravel(start))
    if not hasattr(estimator, "classes_"):
        return chain
    if estimator.loss == "exponential":
        chain.then("Mul", [2.0])
    return _probabilities(chain, targets)


def _histogram(estimator: Any) -> Chain:
    """As `_boosting`, over trees whose splits may be sets of categories."""
    ensemble = Ensemble()
    known, position_of = estimator._bin_mapper.make_known_categories_bitsets()
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            ensemble.add(list(_histogram_nodes(predictor, known, position_of)), target)
    targets = estimator.n_trees_per_iteration_
    chain = Chain(ensemble, targets=targets).then("Add", np.ravel(estimator._baseline_prediction))
    if hasattr(estimator, "classes_"):
        return _probabilities(chain, targets)
    return chain.then("Exp") if estimator.loss in {"poisson", "gamma"} else chain


def _isolation(estimator: Any) -> Chain:
    """``-(2 ** (-depth / expected depth)) - offset``, with the depth summed over the trees."""
    ensemble = Ensemble()
    for member, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        depths = _depths(member.tree_) + _average_path_length(member.tree_.n_node_samples)
        ensemble.add(list(_nodes_of(member.tree_, depths, features)), 0)
    expected = len(estimator.estimators_) * _average_path_length([estimator._max_samples])[0]
    chain = Chain(ensemble, targets=1).then("Mul", [-np.log(2.0) / expected]).then("Exp").then("Neg")
    return chain.then("Sub", [float(estimator.offset_)])


def _probabilities(chain: Chain, targets: int) -> Chain:
    return chain.then("Softmax", axis=1) if targets > 1 else chain.then("Sigmoid").with_complement()


def _add_tree(ensemble: Ensemble, tree: Any, values: ArrayLike) -> None:
    """One copy of the tree per class: the operator's leaves count towards one target only.

    Leaves of one class each, as a forest grown to the end has them, need no copies.
    """
    values = np.asarray(values)
    leaves = tree.children_left == -1
    if values.shape[1] > 1 and (np.count_nonzero(values[leaves], axis=1) == 1).all():
        _add_pure_tree(ensemble, tree, values)
        return
    for target in range(values.shape[1]):
        ensemble.add(list(_nodes_of(tree, values[:, target])), target)


def _add_pure_tree(ensemble: Ensemble, tree: Any, values: Any) -> None:
    first = len(ensemble.leaf_targets)
    classes = values.argmax(axis=1)
    # Leaves carry their class until the tree is laid out, then count towards it with weight one.
    ensemble.add(list(_nodes_of(tree, classes.astype(float))), 0)
    ensemble.leaf_targets[first:] = [int(weight) for weight in ensemble.leaf_weights[first:]]
    ensemble.leaf_weights[first:] = [1.0] * (len(ensemble.leaf_weights) - first)


def _nodes_of(tree: Any, values: Any, features: Any = None) -> Iterator[Split | float]:
    for node in range(tree.node_count):
        if tree.children_left[node] == -1:
            yield float(values[node])
            continue
        feature = int(tree.feature[node])
        yield Split(
            feature if features is None else int(features[feature]),
            float(tree.threshold[node]),
            int(tree.children_left[node]),
            int(tree.children_right[node]),
            bool(tree.missing_go_to_left[node]),
        )


def _histogram_nodes(predictor: Any, known: Any, position_of: Any) -> Iterator[Split | float]:
    for node in predictor.nodes:
        feature, left, right = int(node["feature_idx"]), int(node["left"]), int(node["right"])
        missing_left = bool(node["missing_go_to_left"])
        if node["is_leaf"]:
            yield float(node["value"])
        elif not node["is_categorical"]:
            yield Split(feature, float(node["num_threshold"]), left, right, missing_left)
        else:
            members = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
            if not missing_left:
                yield Split(feature, 0.0, left, right, members=tuple(sorted(members)))
                continue
            # Categories never seen go where missing ones go. NaN is in no set, so it takes the branch of
            # those that are not members: ask for the members of the other side instead.
            others = _bits(known[position_of[feature]]) - members
            yield Split(feature, 0.0, right, left, members=tuple(sorted(others)))


def _bits(bitset: Any) -> set[int]:
    return {
        word * 32 + bit for word, value in enumerate(bitset) for bit in range(32) if int(value) >> bit & 1
    }


def _depths(tree: Any) -> Any:
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children stand behind their parent
        for child in (tree.children_left[node], tree.children_right[node]):
            if child != -1:
                depths[child] = depths[node] + 1
    return depths
