"""Proof that a graph of trees equals the model: every split and every leaf compared, bit for bit.

The proof reads the graph's bytes and walks each tree beside the model's own arrays, level by level.
"""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, helper, load_model_from_string, numpy_helper

from app.models.compilation import NotCompilable
from app.models.compilation.model_trees import ModelTree
from app.models.compilation.tree_operator import MEMBER

Array = NDArray[Any]


def check(content: bytes, trees: list[ModelTree]) -> None:
    """:raises NotCompilable: with the first difference between a graph and the model's trees."""
    if reason := difference(content, trees):
        raise NotCompilable(f"the graph is not the model: {reason}")


def difference(content: bytes, trees: list[ModelTree]) -> str | None:
    """The first difference between a graph and the model's trees, or None.

    :param content: the bytes of an ONNX file whose ``TreeEnsemble`` operators have the trees in order.
    """
    nodes = load_model_from_string(content).graph.node
    graphs = (_Graph(node) for node in nodes if node.op_type == "TreeEnsemble")
    roots = ((graph, root) for graph in graphs for root in graph.roots)
    for number, (found, tree) in enumerate(zip_longest(roots, trees)):
        if found is None or tree is None:
            return f"the graph has other than {len(trees)} trees"
        graph, root = found
        if reason := graph.differs(root, tree):
            return f"tree {number}: {reason}"
    return None


class _Graph:
    """The arrays of a ``TreeEnsemble`` operator. ``branches``: per side (children, is leaf)."""

    def __init__(self, node: NodeProto) -> None:
        found = {each.name: _array(each) for each in node.attribute}
        self.roots: list[int] = found["tree_roots"].tolist()
        self.feature = found["nodes_featureids"]
        self.missing = found["nodes_missing_value_tracks_true"].astype(bool)
        self.mode, self.split = found["nodes_modes"], found["nodes_splits"]
        self.target, self.weight = found["leaf_targetids"], found["leaf_weights"]
        self.branches = [
            (found[f"nodes_{side}nodeids"], found[f"nodes_{side}leafs"].astype(bool))
            for side in ("true", "false")
        ]
        self.members = _members(found, self.mode)

    def differs(self, root: int, tree: ModelTree) -> str | None:
        here, there = np.array([root]), np.array([0])
        if tree.left[0] < 0:  # a lone leaf follows a split whose branches both end in it
            ends = np.array([child[root] for child, is_leaf in self.branches if is_leaf[root]])
            equal = len(ends) == 2 and self._leaves_equal(ends, np.array([0, 0]), tree)
            return None if equal else "its only leaf differs"
        while len(here):
            swapped = self._splits_equal(here, there, tree)
            if swapped is None:
                return "a split differs"
            left, right = tree.left[there], tree.right[there]
            children = (np.where(swapped, right, left), np.where(swapped, left, right))
            pairs: list[tuple[Array, Array]] = []
            for (child, is_leaf), model_child in zip(self.branches, children, strict=True):
                leaf = is_leaf[here]
                if (leaf != (tree.left[model_child] < 0)).any():
                    return "a branch ends elsewhere"
                if not self._leaves_equal(child[here][leaf], model_child[leaf], tree):
                    return "a leaf differs"
                pairs.append((child[here][~leaf], model_child[~leaf]))
            here, there = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        return None

    def _splits_equal(self, here: Array, there: Array, tree: ModelTree) -> Array | None:
        """The splits with swapped branches, or None if a split differs from the model's."""
        swapped = np.zeros(len(here), dtype=bool)
        if (self.feature[here] != tree.feature[there]).any():
            return None
        sets = np.isin(there, list(tree.categories))
        for index in np.flatnonzero(sets).tolist():
            node, original = int(here[index]), int(there[index])
            left, known = tree.categories[original], tree.known.get(original)
            if known is None:
                missing = self.missing[node] == tree.missing_left[original]
                if self.mode[node] != MEMBER or self.members[node] != left or not missing:
                    return None
                continue
            # Each code that reaches the split must go the model's way, and so must NaN, which is in no set.
            swapped[index] = bool(tree.missing_left[original])
            wanted = known - left if swapped[index] else left
            if self.mode[node] != MEMBER or self.members[node] & known != wanted & known:
                return None
        graph, model = here[~sets], there[~sets]
        equal = (self.mode[graph] == 0) & (_bits(self.split[graph]) == _bits(tree.threshold[model]))
        equal &= self.missing[graph] == tree.missing_left[model]
        return swapped if equal.all() else None

    def _leaves_equal(self, leaves: Array, nodes: Array, tree: ModelTree) -> bool:
        if tree.classes:
            same = self.target[leaves] == tree.values[nodes].astype(int)
            return bool((same & (self.weight[leaves] == 1.0)).all())
        same = _bits(self.weight[leaves]) == _bits(tree.values[nodes])
        return bool((same & (self.target[leaves] == tree.target)).all())


def _array(attribute: AttributeProto) -> Array:
    """Its numbers; lists of millions of Python's own would take a gigabyte."""
    if attribute.type == AttributeProto.INTS:
        return np.fromiter(attribute.ints, np.int64, len(attribute.ints))
    if attribute.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(attribute.t)
    return np.asarray(helper.get_attribute_value(attribute))


def _members(attributes: Mapping[str, Array], mode: Array) -> dict[int, frozenset[int]]:
    """The sets of categories by node, stored in the order of the nodes, each ended by NaN."""
    nodes = np.flatnonzero(mode == MEMBER).tolist()
    if not nodes:
        return {}
    values = attributes["membership_values"]
    ends = np.flatnonzero(np.isnan(values)).tolist()
    starts = [0, *(end + 1 for end in ends[:-1])]
    sets = [frozenset(map(int, values[a:b])) for a, b in zip(starts, ends, strict=True)]
    return dict(zip(nodes, sets, strict=True))


def _bits(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers, dtype=np.float64).view(np.int64)
