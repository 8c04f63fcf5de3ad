"""ONNX's operator for tree ensembles in float64, and the operators that follow it.

skl2onnx writes trees in float32 and drops the direction of missing values; ``TreeEnsemble`` (ai.onnx.ml 5)
takes doubles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

LESS_OR_EQUAL, MEMBER = 0, 6
SUM = 1
OPSETS = {"": 18, "ai.onnx.ml": 5}
IR_VERSION = 10


@dataclass(frozen=True)
class Split:
    """An inner node: rows with ``feature`` <= ``threshold``, or in ``members``, go to ``left``."""

    feature: int
    threshold: float
    left: int
    right: int
    missing_left: bool = False
    members: tuple[int, ...] = ()


@dataclass
class Ensemble:
    """The attributes of one ``TreeEnsemble`` operator, filled tree by tree."""

    roots: list[int] = field(default_factory=list)
    rows: list[tuple[int, float, int, int, int, int, int, int]] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    leaf_targets: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)

    def add(self, nodes: Sequence[Split | float], target: int, *, classes: bool = False) -> None:
        """Append a tree whose leaves, the floats among ``nodes``, add to ``target``.

        :param classes: each leaf is the number of a target, and adds one to that target.
        """
        inner = [index for index, node in enumerate(nodes) if isinstance(node, Split)]
        start = len(self.rows)
        self.roots.append(start)
        position = {index: start + offset for offset, index in enumerate(inner)}

        def child(index: int) -> tuple[int, int]:
            node = nodes[index]
            if isinstance(node, Split):
                return position[index], 0
            self.leaf_targets.append(int(node) if classes else target)
            self.leaf_weights.append(1.0 if classes else node)
            return len(self.leaf_weights) - 1, 1

        if not inner:  # the operator needs a split: both of its branches end in the one leaf
            leaf, _ = child(0)
            self.rows.append((0, 0.0, LESS_OR_EQUAL, leaf, 1, leaf, 1, 0))
        for node in (node for node in nodes if isinstance(node, Split)):
            mode = MEMBER if node.members else LESS_OR_EQUAL
            if node.members:
                self.members += [*map(float, node.members), np.nan]
            left, right = child(node.left), child(node.right)
            self.rows.append((node.feature, node.threshold, mode, *left, *right, int(node.missing_left)))

    def operator(self, source: str, result: str, *, targets: int) -> NodeProto:
        """The operator: rows (n, d) to the sums of leaves by target, (n, targets)."""
        features, splits, modes, left, left_leaf, right, right_leaf, missing = zip(*self.rows, strict=True)
        return helper.make_node(
            "TreeEnsemble",
            [source],
            [result],
            domain="ai.onnx.ml",
            n_targets=targets,
            aggregate_function=SUM,
            post_transform=0,
            tree_roots=self.roots,
            nodes_featureids=features,
            nodes_splits=_tensor(splits),
            nodes_modes=numpy_helper.from_array(np.array(modes, np.uint8)),
            nodes_truenodeids=left,
            nodes_trueleafs=left_leaf,
            nodes_falsenodeids=right,
            nodes_falseleafs=right_leaf,
            nodes_missing_value_tracks_true=missing,
            leaf_targetids=self.leaf_targets,
            leaf_weights=_tensor(self.leaf_weights),
            membership_values=_tensor(self.members) if self.members else None,
        )


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
