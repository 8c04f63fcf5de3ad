"""scikit-learn's tree ensembles as ONNX graphs in float64, with unchanged thresholds and leaves."""

from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn import dummy, ensemble
from sklearn.ensemble._iforest import _average_path_length

from app.models.compilation import model_trees
from app.models.compilation.model_trees import BOOSTING, FOREST, HISTOGRAM_BOOSTING, TREES, ModelTree
from app.models.compilation.tree_operator import Chain, groups


def has_tree_graph(estimator: Any) -> bool:
    """True if `tree_graph` can write this estimator; a subclass may predict otherwise."""
    return type(estimator) in TREES and getattr(estimator, "n_outputs_", 1) == 1


def trees_of_graph(estimator: Any, output: int = 0) -> list[ModelTree]:
    """The trees of an estimator's graph, in order.

    :param output: which of a forest's several targets.
    :raises TypeError: for gradient boosting that starts from another estimator.
    """
    if isinstance(estimator, ensemble.IsolationForest):
        return list(model_trees.of_isolation_forest(estimator))
    if isinstance(estimator, HISTOGRAM_BOOSTING):
        return list(model_trees.of_histogram_boosting(estimator))
    if isinstance(estimator, BOOSTING):
        if not isinstance(estimator.init_, dummy.DummyClassifier | dummy.DummyRegressor | str):
            raise TypeError("gradient boosting that starts from another estimator has no tree graph")
        return list(model_trees.of_boosting(estimator))
    return list(model_trees.of_forest(estimator, output))


def is_exact(estimator: Any, trees: list[ModelTree]) -> bool:
    """True if the graph's sums of leaves are the model's to the last bit: those of a forest, whose graph adds
    the same numbers in the same order, or whole numbers."""
    return type(estimator) in FOREST and (
        all(tree.classes for tree in trees) or sum(1 for _ in groups(trees)) == 1
    )


def tree_graph(
    estimator: Any, trees: list[ModelTree], *, width: int, scores: bool = False, output: int = 0
) -> ModelProto:
    """The estimator as a graph from X, float64 (n, width): to probabilities (n, classes), to values
    (n, 1), or, of an isolation forest, to its decision function (n, 1).

    :param trees: of `trees_of_graph`.
    :param output: which of a forest's several targets.
    :param scores: of boosting, end with the decision function too, (n, 1) for two classes.
    """
    chain = Chain()
    after_trees(chain, estimator, trees, scores=scores, output=output)
    return chain.model(width=width)


def after_trees(
    chain: Chain, estimator: Any, trees: list[ModelTree], *, scores: bool, output: int = 0
) -> None:
    """Append the trees of an estimator, and the operators that follow them."""
    classes = len(model_trees.classes_of(estimator, output))
    if isinstance(estimator, ensemble.IsolationForest):
        # -(2 ** (-depth / expected depth)) - offset, with the depth summed over the trees.
        expected = len(estimator.estimators_) * _average_path_length([estimator._max_samples])[0]
        chain.trees(trees, targets=1).then("Mul", [-np.log(2.0) / expected]).then("Exp").then("Neg")
        chain.then("Sub", [float(estimator.offset_)])
    elif isinstance(estimator, HISTOGRAM_BOOSTING):
        targets = estimator.n_trees_per_iteration_
        chain.trees(trees, targets=targets).then("Add", np.ravel(estimator._baseline_prediction))
        if classes and not scores:
            _probabilities(chain, targets)
        elif not classes and estimator.loss in {"poisson", "gamma"}:
            chain.then("Exp")
    elif isinstance(estimator, BOOSTING):
        targets = estimator.estimators_.shape[1]
        start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
        chain.trees(trees, targets=targets).then("Add", np.ravel(start))
        if classes and not scores:
            _probabilities(chain.then("Mul", [2.0]) if estimator.loss == "exponential" else chain, targets)
    else:
        # The mean over the trees of their leaf's class shares, or of its value.
        members = getattr(estimator, "estimators_", [estimator])
        chain.trees(trees, targets=max(classes, 1))
        if len(members) > 1:
            chain.then("Div", [float(len(members))])


def _probabilities(chain: Chain, targets: int) -> None:
    if targets > 1:
        chain.then("Softmax", axis=1)
    else:
        chain.then("Sigmoid").with_complement()
