"""The guard of trees behind preprocessing that rounds."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from app.models.compilation.boosting.boosted_trees import boosted_trees, library_of
from app.models.compilation.model_trees import FOREST, HISTOGRAM_BOOSTING, ModelTree
from app.models.compilation.tree_graph import has_tree_graph, trees_of_graph
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.engines.preprocessing.steady_step import Steady


def steadied(preprocessor: Preprocessor, last: Any) -> Preprocessor:
    """The preprocessor, and the guard of the last estimator's trees where its numbers are rounded."""
    guard = guard_of(last) if preprocessor.rounds else None
    return replace(preprocessor, steps=(*preprocessor.steps, guard)) if guard else preprocessor


def guard_of(estimator: Any) -> Steady | None:
    """The guard of an estimator's own trees, or None of other estimators."""
    width = getattr(estimator, "n_features_in_", 0)
    if library_of(estimator):
        model = boosted_trees(estimator)
        return None if model.zero_is_missing else Steady(_thresholds(model.trees, width), model.rounded)
    if has_tree_graph(estimator) or type(estimator) in FOREST:
        rounded = not isinstance(estimator, HISTOGRAM_BOOSTING)
        return Steady(_thresholds(trees_of_graph(estimator), width), rounded)
    return None


def _thresholds(trees: Iterable[ModelTree], width: int) -> tuple[tuple[float, ...], ...]:
    splits = [(tree.feature[inner], tree.threshold[inner]) for tree in trees for inner in [_inner(tree)]]
    if not splits:
        return ((),) * width
    features, thresholds = (np.concatenate(parts) for parts in zip(*splits, strict=True))
    return tuple(tuple(np.unique(thresholds[features == column]).tolist()) for column in range(width))


def _inner(tree: ModelTree) -> Any:
    """The splits by a finite number."""
    sets = np.isin(np.arange(len(tree.left)), list(tree.categories))
    return np.flatnonzero((tree.left >= 0) & np.isfinite(tree.threshold) & ~sets)
