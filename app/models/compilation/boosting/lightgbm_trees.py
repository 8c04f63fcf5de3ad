"""LightGBM's trees: float64 throughout, ``<=`` at a split, and three meanings of a missing value."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import ZERO_UP_TO, BoostedTrees, Link
from app.models.compilation.model_trees import ModelTree

IDENTITY = ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg")
LINKS: dict[str, Link] = {
    **dict.fromkeys(IDENTITY, "identity"),
    "binary": "logistic",
    "cross_entropy": "logistic",
    "multiclass": "softmax",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}
CATEGORICAL, DEFAULT_LEFT = 1, 2
NONE, ZERO = 0, 1  # two of the meanings of a missing value; the third is NaN alone


def read(estimator: Any) -> BoostedTrees:
    """The trees of a booster or of an estimator, up to the best iteration if there is one.

    :raises NotCompilable: for objectives and trees with rules of their own.
    """
    booster = getattr(estimator, "booster_", estimator)
    head, *blocks = booster.model_to_string(num_iteration=booster.best_iteration).split("\n\nTree=")
    fields = dict(line.partition("=")[::2] for line in head.splitlines())
    objective, *options = fields.get("objective", "custom").split(" ")
    if objective not in LINKS:
        raise NotCompilable(f"LightGBM's objective {objective} has no compiled form")
    outputs = int(fields["num_tree_per_iteration"])
    parsed = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in blocks]
    zeros = {_zero_is_missing(tree) for tree in parsed} - {None}
    if len(zeros) > 1:
        raise NotCompilable("zeros are missing in some of LightGBM's columns only")
    trees = [_tree(tree, number % outputs) for number, tree in enumerate(parsed)]
    slope = [float(option.partition(":")[2]) for option in options if option.startswith("sigmoid:")]
    link: Link = "square" if "sqrt" in options else LINKS[objective]
    divisor = len(trees) / outputs if "average_output" in head.splitlines() else 1.0
    return BoostedTrees(
        trees,
        outputs,
        link,
        (0.0,) * outputs,
        divisor=divisor,
        scale=slope[0] if slope else 1.0,
        zero_is_missing=zeros == {True},
    )


def _zero_is_missing(tree: dict[str, str]) -> bool | None:
    """Whether the tree's splits on numbers treat zeros as missing; None without such a split."""
    decisions = _array(tree.get("decision_type", ""), np.int64)
    meanings = decisions[(decisions & CATEGORICAL) == 0] >> 2 & 3
    if not len(meanings):
        return None
    zero: NDArray[Any] = meanings == ZERO
    if zero.any() != zero.all():
        raise NotCompilable("zeros are missing in some of LightGBM's columns only")
    return bool(zero.any())


def _tree(fields: dict[str, str], output: int) -> ModelTree:
    """One tree; LightGBM numbers splits and leaves apart, leaf ``k`` being child ``-k - 1``."""
    if fields.get("is_linear", "0") == "1":
        raise NotCompilable("LightGBM's linear trees have no compiled form")
    leaves = _array(fields["leaf_value"], np.float64)
    features, decisions = (
        _array(fields.get("split_feature", ""), np.int64),
        _array(fields.get("decision_type", ""), np.int64),
    )
    splits = len(features)
    pad = np.full(len(leaves), -1)
    children = [_array(fields.get(f"{side}_child", ""), np.int64) for side in ("left", "right")]
    left, right = (np.concatenate([np.where(c < 0, splits - c - 1, c), pad]) for c in children)
    thresholds, categorical = _array(fields.get("threshold", ""), np.float64), (decisions & CATEGORICAL) > 0
    sets = dict(_categories(fields, thresholds, np.flatnonzero(categorical).tolist()))
    # Where a column has no missing values, NaN counts as zero.
    missing_left = np.where(decisions >> 2 & 3 == NONE, thresholds >= 0.0, (decisions & DEFAULT_LEFT) > 0)
    nothing = np.zeros(len(leaves))
    return ModelTree(
        feature=np.concatenate([features, nothing.astype(np.int64)]),
        threshold=np.concatenate([np.where(categorical, 0.0, _outside_of_zero(thresholds)), nothing]),
        left=left,
        right=right,
        missing_left=np.concatenate([missing_left & ~categorical, nothing.astype(bool)]),
        values=np.concatenate([np.zeros(splits), leaves]),
        target=output,
        categories=sets,
    )


def _outside_of_zero(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The thresholds, moved out of the numbers that LightGBM reads as zero to the end that decides alike."""
    below = np.nextafter(-ZERO_UP_TO, -np.inf)
    moved = np.where(thresholds < 0.0, below, ZERO_UP_TO)
    return np.where(np.abs(thresholds) <= ZERO_UP_TO, moved, thresholds)


def _categories(
    fields: dict[str, str], thresholds: NDArray[np.float64], nodes: list[int]
) -> Iterator[tuple[int, frozenset[int]]]:
    """The set of each split on categories, which go left; missing and all others go right."""
    bounds = _array(fields.get("cat_boundaries", ""), np.int64)
    words = _array(fields.get("cat_threshold", ""), np.int64)
    for node in nodes:
        start, end = bounds[int(thresholds[node])], bounds[int(thresholds[node]) + 1]
        bits = enumerate(words[start:end].tolist())
        yield (
            node,
            frozenset(32 * word + bit for word, value in bits for bit in range(32) if value >> bit & 1),
        )


def _array(text: str, dtype: type) -> NDArray[Any]:
    return np.array(text.split(), dtype=np.float64).astype(dtype)
