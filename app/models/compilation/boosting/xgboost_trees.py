"""XGBoost's trees: float32 input and sums, ``<`` at a split, sets of categories to the right."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import BoostedTrees, Link
from app.models.compilation.model_trees import ModelTree

IDENTITY = {
    *("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror"),
    *("reg:quantileerror", "reg:expectileerror", "reg:linear"),
    *("rank:pairwise", "rank:ndcg", "rank:map"),
}
EXP = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}
LOGISTIC = {"binary:logistic", "reg:logistic"}
SOFTMAX = {"multi:softprob", "multi:softmax"}
# Categories of any model have smaller codes, which float32 holds exactly.
MOST_CATEGORIES = 2**24


def read(estimator: Any) -> BoostedTrees:
    """The trees of a booster or of an estimator; after early stopping those of the best iteration.

    :raises NotCompilable: for other boosters than trees, and objectives with rules of their own.
    """
    booster = _used(estimator)
    learner = orjson.loads(bytes(booster.save_raw("json")))["learner"]
    objective, trained = learner["objective"]["name"], learner["gradient_booster"]
    weights = trained.get("weight_drop")
    model = trained.get("gbtree", trained).get("model", {})
    if "trees" not in model:
        raise NotCompilable(f"XGBoost's {trained.get('name')} has no trees")
    link, logistic = _link(objective), objective in LOGISTIC
    trees = list(_trees(model, weights))
    outputs = max(int(learner["learner_model_param"]["num_class"]), int(_targets(learner)), 1)
    base = _base(
        learner["learner_model_param"]["base_score"],
        outputs,
        link if logistic or link == "exp" else "identity",
    )
    missing = float(getattr(estimator, "missing", np.nan))
    return BoostedTrees(
        trees, outputs, link, base, single=True, rounded=True, missing=None if np.isnan(missing) else missing
    )


def _used(estimator: Any) -> Any:
    if not hasattr(estimator, "get_booster"):
        return estimator
    booster, best = estimator.get_booster(), getattr(estimator, "best_iteration", None)
    stopped = estimator.get_params().get("early_stopping_rounds") is not None
    return booster[: best + 1] if stopped and best is not None else booster


def _targets(learner: dict[str, Any]) -> str:
    return str(learner["learner_model_param"].get("num_target", "1"))


def _link(objective: str) -> Link:
    for names, link in ((IDENTITY, "identity"), (EXP, "exp"), (LOGISTIC, "logistic"), (SOFTMAX, "softmax")):
        if objective in names:
            return link  # type: ignore[return-value] # a literal
    raise NotCompilable(f"XGBoost's objective {objective} has no compiled form")


def _base(recorded: str, outputs: int, link: Link) -> tuple[float, ...]:
    """The start of the sums, in the units of the leaves."""
    values = np.atleast_1d(np.array(orjson.loads(recorded.lower().replace("[", "[ ")), dtype=np.float32))
    if link == "logistic":
        values = -np.log(np.float32(1) / values - np.float32(1))
    elif link == "exp":
        values = np.log(values)
    return tuple(np.broadcast_to(values, outputs).astype(np.float64).tolist())


def _trees(model: dict[str, Any], weights: list[float] | None) -> Iterator[ModelTree]:
    for number, (tree, output) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
        if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
            raise NotCompilable("XGBoost's trees of several targets each have no compiled form")
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        condition = np.array(tree["split_conditions"], dtype=np.float32)
        sets = _categories(tree)
        swap = np.isin(np.arange(len(left)), list(sets))
        default_left = np.array(tree["default_left"], dtype=bool)
        leaf = condition if weights is None else condition * np.float32(weights[number])
        yield ModelTree(
            feature=np.where(left < 0, 0, np.array(tree["split_indices"])),
            # The largest float32 that is less: x < t is x <= this.
            threshold=np.where(swap, 0.0, np.nextafter(condition, np.float32(-np.inf)).astype(np.float64)),
            left=np.where(swap, right, left),
            right=np.where(swap, left, right),
            missing_left=default_left ^ swap,
            values=leaf.astype(np.float64),
            target=output,
            categories=sets,
        )


def _categories(tree: dict[str, Any]) -> dict[int, frozenset[int]]:
    """The set of each split on categories, which go right; all others go left."""
    columns = ("categories_nodes", "categories_segments", "categories_sizes")
    codes: NDArray[Any] = np.array(tree.get("categories", []), dtype=np.int64)
    rows = zip(*(tree.get(name, []) for name in columns), strict=True)
    return {node: frozenset(codes[start : start + size].tolist()) for node, start, size in rows}
