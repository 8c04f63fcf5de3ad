"""ONNX's operator for tree ensembles in float64, and the operators that follow it.

skl2onnx writes trees in float32 and drops the direction of missing values; ``TreeEnsemble`` (ai.onnx.ml 5)
takes doubles.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from app.models.compilation.model_trees import ModelTree

LESS_OR_EQUAL, MEMBER = 0, 6
SUM = 1
OPSETS = {"": 18, "ai.onnx.ml": 5}
IR_VERSION = 10


class Ensemble:
    """The attributes of one ``TreeEnsemble`` operator, filled tree by tree."""

    def __init__(self) -> None:
        self._roots: list[int] = []
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._members: list[float] = []
        self._splits = 0
        self._leaves = 0

    def add(self, tree: ModelTree) -> None:
        """Append a tree."""
        inner = np.flatnonzero(tree.left >= 0)
        if not len(inner):
            tree, inner = _stump(tree), np.array([0])
        sides, missing = np.stack([tree.left[inner], tree.right[inner]]), tree.missing_left[inner]
        threshold, modes = tree.threshold[inner], np.full(len(inner), LESS_OR_EQUAL, np.uint8)
        for at in np.flatnonzero(np.isin(inner, list(tree.categories))).tolist():
            members, swapped = _members(tree, int(inner[at]))
            modes[at], threshold[at] = MEMBER, 0.0
            self._members += [*map(float, sorted(members)), np.nan]
            if swapped:
                sides[:, at], missing[at] = sides[::-1, at].copy(), False
        children = sides.T.ravel()  # those of each split in turn, the order of the leaves
        is_leaf = tree.left[children] < 0
        position = np.zeros(len(tree.left), np.int64)
        position[inner] = self._splits + np.arange(len(inner))
        ids = np.where(is_leaf, self._leaves + np.cumsum(is_leaf) - 1, position[children])
        values = tree.values[children[is_leaf]]
        self._roots.append(self._splits)
        self._splits += len(inner)
        self._leaves += len(values)
        self._parts.append(
            {
                "nodes_featureids": tree.feature[inner],
                "nodes_splits": threshold,
                "nodes_modes": modes,
                "nodes_truenodeids": ids[::2],
                "nodes_trueleafs": is_leaf[::2],
                "nodes_falsenodeids": ids[1::2],
                "nodes_falseleafs": is_leaf[1::2],
                "nodes_missing_value_tracks_true": missing,
                "leaf_targetids": values if tree.classes else np.full(len(values), tree.target),
                "leaf_weights": np.ones(len(values)) if tree.classes else values,
            }
        )

    def operator(self, source: str, result: str, *, targets: int) -> NodeProto:
        """The operator: rows (n, d) to the sums of leaves by target, (n, targets)."""
        joined = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        node = helper.make_node(
            "TreeEnsemble",
            [source],
            [result],
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function=SUM,
            post_transform=0,
            tree_roots=self._roots,
            nodes_splits=_tensor(joined.pop("nodes_splits").astype(np.float64)),
            nodes_modes=numpy_helper.from_array(joined.pop("nodes_modes")),
            leaf_weights=_tensor(joined.pop("leaf_weights").astype(np.float64)),
            membership_values=_tensor(self._members) if self._members else None,
        )
        for name, numbers in joined.items():  # which `make_node` would look at one by one
            node.attribute.add(name=name, type=AttributeProto.INTS, ints=numbers.astype(np.int64).tolist())
        return node


def _stump(leaf: ModelTree) -> ModelTree:
    """A tree of one leaf as the operator takes it, which needs a split: both of its branches end there."""
    two = np.zeros(2, np.int64)
    ends = np.array([1, -1])
    values = leaf.values[[0, 0]]
    return replace(
        leaf, feature=two, threshold=two * 0.0, left=ends, right=ends, missing_left=two > 0, values=values
    )


def _members(tree: ModelTree, node: int) -> tuple[frozenset[int], bool]:
    """The codes that a split asks for, and whether they are those of its right side.

    Unseen categories go the way of missing ones, and NaN, which is in no set, goes the way of non-members:
    where that is the left, the split asks for the members of the right.
    """
    if not tree.missing_left[node] or node not in tree.known:
        return tree.categories[node], False
    return tree.known[node] - tree.categories[node], True


class Chain:
    """The graph of a model, one operator after another, from X to ``last``, the name of a result."""

    def __init__(self) -> None:
        self.last = "X"
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def trees(self, ensemble: Ensemble, *, targets: int) -> "Chain":
        """Append trees."""
        source, self.last = self.last, self._name()
        self._nodes.append(ensemble.operator(source, self.last, targets=targets))
        return self

    def then(
        self, operator: str, *others: str | ArrayLike, first: ArrayLike | None = None, **attributes: Any
    ) -> "Chain":
        """Append an operator on the last result and others: names of results, or constants. ``first`` is a
        constant before the last result."""
        inputs = [self.last, *(each if isinstance(each, str) else self._constant(each) for each in others)]
        if first is not None:
            inputs = [self._constant(first), *inputs]
        self.last = self._name()
        self._nodes.append(helper.make_node(operator, inputs, [self.last], **attributes))
        return self

    def with_complement(self, one: ArrayLike = 1.0) -> "Chain":
        """From the probability of the second class, (n, 1), to both, (n, 2)."""
        positive = self.last
        return self.then("Sub", first=one).then("Concat", positive, axis=1)

    def model(self, *, width: int) -> ModelProto:
        """The graph from X, float64 (n, width), to the last operator's output, float64 (n, columns)."""
        graph = helper.make_graph(
            self._nodes,
            "trees",
            [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, width])],
            [helper.make_tensor_value_info(self.last, TensorProto.DOUBLE, [None, None])],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _name(self) -> str:
        return f"step_{len(self._nodes)}"

    def _constant(self, value: ArrayLike) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(_tensor(value, name))
        return name


def _tensor(values: ArrayLike, name: str | None = None) -> TensorProto:
    """Numbers as float64, and arrays of other dtypes as they are."""
    array = values if isinstance(values, np.ndarray | np.generic) else np.asarray(values, np.float64)
    return numpy_helper.from_array(np.asarray(array), name)
