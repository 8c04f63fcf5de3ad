"""Trees of scikit-learn as arrays with the weight of each node, as the shap package takes them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import dummy, ensemble

from app.models.compilation import model_trees
from app.models.compilation.model_trees import BOOSTING, FOREST, TREES, ModelTree
from app.models.explaining.explanation import NotExplainable
from app.models.schema.rows import Matrix

Array = NDArray[Any]

# Of one row: up to 1 s, in which no other thread of the process runs, that which the server watches included.
MOST_STEPS = 500_000_000

PER_NODE = (
    *("children_left", "children_right", "children_default", "features", "thresholds", "values"),
    "node_sample_weight",
)


@dataclass(frozen=True)
class TreeArrays:
    """Trees whose leaves add up to margins.

    ``trees``: as `shap.TreeExplainer` takes them, with values (nodes, outputs). ``base``: added to the sums,
    (outputs,). ``rounded``: the input is rounded to float32. ``categories``: by tree and node the split of a
    column of codes: those that go left, and those that go by this set at all, None for all codes.
    """

    trees: list[dict[str, Array]]
    base: Matrix
    rounded: bool = True
    categories: Mapping[tuple[int, int], tuple[frozenset[int], frozenset[int] | None]] = field(
        default_factory=dict
    )

    def check_steps(self) -> int:
        """About how many steps the contributions of one row take: the leaves of each tree by its depth
        squared (Lundberg et al. 2020, algorithm 2).

        :raises NotExplainable: if that is more than `MOST_STEPS`.
        """
        steps = 0
        for each in self.trees:
            steps += int((each["children_left"] < 0).sum()) * max(1, _depth(each)) ** 2
            if steps > MOST_STEPS:
                raise NotExplainable(
                    "the model's trees are too many, too large or too deep to explain a row in 1 s"
                )
        return steps

    def to_arrays(self) -> dict[str, Array]:
        """The trees one after the other, for a file of NumPy."""
        sets = [
            [*at, *(None if s is None else sorted(s) for s in pair)] for at, pair in self.categories.items()
        ]
        return {
            **{name: np.concatenate([each[name] for each in self.trees]) for name in self.trees[0]},
            "nodes": np.array([len(each["features"]) for each in self.trees]),
            "base": self.base,
            "rounded": np.array(self.rounded),
            "categories": np.frombuffer(json.dumps(sets).encode(), np.uint8),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "TreeArrays":
        """Inverse of `to_arrays`."""
        ends = np.cumsum(arrays["nodes"])[:-1]
        columns = {name: np.split(arrays[name], ends) for name in PER_NODE}
        trees = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
        sets = json.loads(arrays["categories"].tobytes())
        categories = {
            (number, node): (frozenset(left), None if known is None else frozenset(known))
            for number, node, left, known in sets
        }
        return cls(trees, arrays["base"], bool(arrays["rounded"]), categories)


def has_trees(estimator: Any) -> bool:
    """True for scikit-learn's own trees; a subclass may predict otherwise."""
    return type(estimator) in TREES


def is_isolation_forest(estimator: Any) -> bool:
    """True for a forest whose margin is the mean depth at which it isolates a row."""
    return type(estimator) is ensemble.IsolationForest


def tree_arrays(estimator: Any) -> TreeArrays:
    """The trees of a fitted estimator of `TREES` with one target.

    :raises NotExplainable: for gradient boosting that starts from another estimator.
    """
    if isinstance(estimator, FOREST):
        return TreeArrays(list(_of_forest(estimator)), np.zeros(_outputs(estimator)))
    if isinstance(estimator, ensemble.IsolationForest):
        found = model_trees.of_isolation_forest(estimator)
        members = [member.tree_ for member in estimator.estimators_]
        weights = [member.weighted_n_node_samples for member in members]
        scaled = 1.0 / len(members)
        trees = [_arrays(t, w, 1, scaled) for t, w in zip(found, weights, strict=True)]
        return TreeArrays(trees, np.zeros(1))
    if isinstance(estimator, BOOSTING):
        if not isinstance(estimator.init_, dummy.DummyClassifier | dummy.DummyRegressor | str):
            raise NotExplainable(f"{type(estimator).__name__} starts from another estimator")
        start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))
        weights = [member.tree_.weighted_n_node_samples for member in estimator.estimators_.ravel()]
        found = model_trees.of_boosting(estimator)
        outputs = estimator.estimators_.shape[1]
        trees = [_arrays(t, w, outputs) for t, w in zip(found, weights, strict=True)]
        return TreeArrays(trees, np.ravel(start).astype(np.float64))
    return _of_histogram_boosting(estimator)


def _depth(arrays: Mapping[str, Array]) -> int:
    """How many splits lie above the deepest leaf."""
    left, right = arrays["children_left"], arrays["children_right"]
    level, depth = np.flatnonzero(left[:1] >= 0), 0
    while level.size:
        below = np.concatenate((left[level], right[level]))
        level, depth = below[left[below] >= 0], depth + 1
    return depth


def _outputs(estimator: Any) -> int:
    return max(1, len(model_trees.classes_of(estimator)))


def _of_forest(estimator: Any) -> Iterator[dict[str, Array]]:
    """Values are means over the trees, (nodes, classes) or (nodes, 1)."""
    members = getattr(estimator, "estimators_", [estimator])
    for member in members:
        found = member.tree_
        values = found.value[:, 0, : _outputs(estimator)]
        if hasattr(estimator, "classes_"):  # weights, in trees of scikit-learn before 1.3
            values = values / values.sum(axis=1, keepdims=True)
        yield {
            "children_left": found.children_left,
            "children_right": found.children_right,
            "children_default": np.where(found.missing_go_to_left, found.children_left, found.children_right),
            "features": found.feature,
            "thresholds": found.threshold,
            "values": values / len(members),
            "node_sample_weight": found.weighted_n_node_samples,
        }


def _of_histogram_boosting(estimator: Any) -> TreeArrays:
    found = list(model_trees.of_histogram_boosting(estimator))
    weights = [each.nodes["count"].astype(np.float64) for row in estimator._predictors for each in row]
    outputs = estimator.n_trees_per_iteration_
    return TreeArrays(
        [_arrays(t, w, outputs) for t, w in zip(found, weights, strict=True)],
        np.ravel(estimator._baseline_prediction).astype(np.float64),
        rounded=False,
        categories={
            (number, node): (left, each.known.get(node))
            for number, each in enumerate(found)
            for node, left in each.categories.items()
        },
    )


def _arrays(found: ModelTree, weights: Array, outputs: int, scale: float = 1.0) -> dict[str, Array]:
    leaf = found.left < 0
    right = np.where(leaf, -1, found.right)
    values = np.zeros((len(leaf), outputs))
    values[:, found.target] = found.values * scale
    return {
        "children_left": found.left,
        "children_right": right,
        "children_default": np.where(found.missing_left, found.left, right),
        "features": np.where(leaf, -2, found.feature),
        "thresholds": np.asarray(found.threshold, dtype=np.float64),
        "values": values,
        "node_sample_weight": weights,
    }
