"""ONNX's operator for tree ensembles in float64, and the operators that follow it.

skl2onnx writes trees in float32 and drops the direction of missing values; ``TreeEnsemble`` (ai.onnx.ml 5)
takes doubles.
"""

from collections.abc import Iterable, Iterator
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
MOST_SPLITS = 2**17  # of one operator: a list of protobuf that is full takes twice the memory


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
        children = sides.T.ravel()
        is_leaf = tree.left[children] < 0
        values, numbers = _distinct(tree.values[children[is_leaf]])
        position = np.zeros(len(tree.left), np.int64)
        position[inner] = self._splits + np.arange(len(inner))
        ids = position[children]
        ids[is_leaf] = self._leaves + numbers
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

    def write(self, node: NodeProto, *, targets: int) -> None:
        """Turn a node into the operator: rows (n, d) to the sums of leaves by target, (n, targets).

        Each attribute is let go as it is written, because a large forest has gigabytes of them.
        """
        node.op_type, node.domain = "TreeEnsemble", "ai.onnx.ml"
        plain = {"n_targets": targets, "aggregate_function": SUM, "post_transform": 0}
        for name, value in {**plain, "tree_roots": self._roots}.items():
            node.attribute.append(helper.make_attribute(name, value))
        if self._members:
            node.attribute.append(helper.make_attribute("membership_values", _tensor(self._members)))
        for name in list(self._parts[0]):
            numbers = np.concatenate([part.pop(name) for part in self._parts])
            if name in {"nodes_splits", "leaf_weights", "nodes_modes"}:
                node.attribute.add(name=name, type=AttributeProto.TENSOR, t=_tensor(numbers))
            else:  # whose numbers `make_attribute` would look at one by one
                ints = numbers.astype(np.int64).tolist()
                node.attribute.add(name=name, type=AttributeProto.INTS, ints=ints)


def groups(trees: Iterable[ModelTree]) -> Iterator[list[ModelTree]]:
    """The trees in order, those of each operator: of no more than `MOST_SPLITS`, or one tree of more; of half
    as many where leaves are whole numbers, whose sum is the same in any order."""
    group: list[ModelTree] = []
    splits = 0
    for tree in trees:
        more = int((tree.left >= 0).sum())
        if group and splits + more > (MOST_SPLITS // 2 if tree.classes else MOST_SPLITS):
            yield group
            group, splits = [], 0
        group.append(tree)
        splits += more
    yield group


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The values that differ in any bit, and the position of each value among them: equal leaves are one,
    because onnxruntime has two copies of a graph while it opens it, and keeps one."""
    bits, numbers = np.unique(np.ascontiguousarray(values).view(np.int64), return_inverse=True)
    return bits.view(np.float64), numbers


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
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        # Filled in place, because the copies that `make_graph` and `make_model` take are large.
        self._model = ModelProto(ir_version=IR_VERSION, opset_import=opsets)
        self._model.graph.name = "trees"

    def trees(self, trees: Iterable[ModelTree], *, targets: int) -> "Chain":
        """Append trees: rows to the sums of their leaves by target, (n, targets).

        onnxruntime takes as much memory to open one operator as all others do that are open: large ensembles
        are written as the sum of several.
        """
        source, total = self.last, ""
        for group in groups(trees):
            ensemble = Ensemble()
            for tree in group:
                ensemble.add(tree)
            node = self._model.graph.node.add(input=[source], output=[self._name()])
            ensemble.write(node, targets=targets)
            self.last = node.output[0]
            total = self.then("Add", total).last if total else self.last
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
        self._model.graph.node.append(helper.make_node(operator, inputs, [self.last], **attributes))
        return self

    def with_complement(self, one: ArrayLike = 1.0) -> "Chain":
        """From the probability of the second class, (n, 1), to both, (n, 2)."""
        positive = self.last
        return self.then("Sub", first=one).then("Concat", positive, axis=1)

    def model(self, *, width: int) -> ModelProto:
        """The graph from X, float64 (n, width), to the last operator's output, float64 (n, columns)."""
        ends = ((self._model.graph.input, "X", width), (self._model.graph.output, self.last, None))
        for end, name, columns in ends:
            end.append(helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, columns]))
        return self._model

    def _name(self) -> str:
        return f"step_{len(self._model.graph.node)}"

    def _constant(self, value: ArrayLike) -> str:
        name = f"constant_{len(self._model.graph.initializer)}"
        self._model.graph.initializer.append(_tensor(value, name))
        return name


def _tensor(values: ArrayLike, name: str | None = None) -> TensorProto:
    """Numbers as float64, and arrays of other dtypes as they are."""
    array = values if isinstance(values, np.ndarray | np.generic) else np.asarray(values, np.float64)
    return numpy_helper.from_array(np.asarray(array), name)
