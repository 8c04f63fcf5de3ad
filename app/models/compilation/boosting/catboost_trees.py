"""CatBoost's trees: float32 input, ``>`` at a border, float64 leaves."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import BoostedTrees, Link
from app.models.compilation.model_trees import ModelTree

IDENTITY = (
    *("RMSE", "MAE", "Quantile", "MAPE", "Huber", "Expectile", "LogCosh", "Lq", "MultiRMSE", "MultiQuantile"),
    *("YetiRank", "YetiRankPairwise", "QueryRMSE", "QuerySoftMax", "PairLogit", "PairLogitPairwise"),
)
LINKS: dict[str, Link] = {
    **dict.fromkeys(IDENTITY, "identity"),
    "Logloss": "logistic",
    "CrossEntropy": "logistic",
    "MultiClass": "softmax",
    "Poisson": "exp",
    "Tweedie": "exp",
}


def read(estimator: Any) -> BoostedTrees:
    """The trees of a fitted model.

    :raises NotCompilable: for losses with rules of their own, and for category and text columns, whose splits
        depend on statistics of the training data.
    """
    loss = str(estimator.get_all_params().get("loss_function", "")).partition(":")[0]
    if loss not in LINKS:
        raise NotCompilable(f"CatBoost's loss {loss or 'of your own'} has no compiled form")
    document = _document(estimator)
    if other := [
        kind for kind in document["features_info"] if kind not in ("float_features", "cat_features_hash")
    ]:
        raise NotCompilable(f"CatBoost's {other[0].replace('_', ' ')} have no compiled form")
    scale, bias = document["scale_and_bias"]
    treatments = {
        feature["feature_index"]: (feature["flat_feature_index"], feature["nan_value_treatment"] != "AsTrue")
        for feature in document["features_info"]["float_features"]
    }
    base = tuple(float(each) for each in np.ravel(bias))
    trees = [tree for each in _nested(document) for tree in _per_output(each, len(base), treatments)]
    return BoostedTrees(trees, len(base), LINKS[loss], base, rounded=True, scale=float(scale))


def _document(estimator: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        estimator.save_model(str(path), format="json")
        document: dict[str, Any] = orjson.loads(path.read_bytes())
    return document


Node = dict[str, Any]  # with ``split``, ``left`` and ``right``, or ``value``


def _nested(document: Mapping[str, Any]) -> Iterator[list[tuple[Any, int, int]]]:
    """Each tree as nodes: (split, left, right), or (value of each output, -1, -1)."""
    outputs = len(np.ravel(document["scale_and_bias"][1]))
    for tree in document.get("oblivious_trees", ()):
        depth = len(tree["splits"])
        inner = 2**depth - 1
        # The last split is the highest bit of a leaf's number: it becomes the root.
        nodes: list[tuple[Any, int, int]] = [
            (tree["splits"][depth - (node + 1).bit_length()], 2 * node + 1, 2 * node + 2)
            for node in range(inner)
        ]
        yield nodes + [(leaf, -1, -1) for leaf in np.reshape(tree["leaf_values"], (-1, outputs)).tolist()]
    for tree in document.get("trees", ()):
        yield _flat(tree)


def _flat(root: Node) -> list[tuple[Any, int, int]]:
    """The nodes of a tree that is not oblivious."""
    pending: list[Node] = [root]
    nodes: list[tuple[Any, int, int]] = []
    while len(nodes) < len(pending):
        node = pending[len(nodes)]
        if "split" not in node:
            nodes.append((np.ravel(node["value"]).tolist(), -1, -1))
            continue
        nodes.append((node["split"], len(pending), len(pending) + 1))
        pending += [node["left"], node["right"]]
    return nodes


def _per_output(
    nodes: list[tuple[Any, int, int]], outputs: int, columns: Mapping[int, tuple[int, bool]]
) -> Iterator[ModelTree]:
    """One tree per output, with that output's leaves; NaN goes left but where it counts as infinity."""
    splits = [each if left >= 0 else None for each, left, _ in nodes]
    where = [columns[split["float_feature_index"]] if split else (0, False) for split in splits]
    leaves = [[0.0] * outputs if left >= 0 else each for each, left, _ in nodes]
    for output in range(outputs):
        yield ModelTree(
            feature=np.array([column for column, _ in where]),
            threshold=np.array([split["border"] if split else 0.0 for split in splits]),
            left=np.array([left for _, left, _ in nodes]),
            right=np.array([right for _, _, right in nodes]),
            missing_left=np.array([missing_left for _, missing_left in where]),
            values=np.array([leaf[output] for leaf in leaves]),
            target=output,
        )
