"""Ensembles of trees for calls of many rows: the trees as arrays, between graphs of what stands around."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.compilation import NotCompilable, model_trees, tree_graph
from app.models.compilation.boosting import boosted_graph
from app.models.compilation.boosting.boosted_trees import boosted_trees, library_of
from app.models.compilation.compilers import Compilers, reading_of
from app.models.compilation.model_trees import ModelTree
from app.models.compilation.tree_operator import Chain
from app.models.engines.composed.composed_kernel import packed, unpacked
from app.models.engines.composed.operation import ARRAYS_OF_NODES
from app.models.engines.kernel import TIE, TREES_FILE, KernelSpec
from app.models.schema.signature import OutputSignature

Array = NDArray[Any]
MOST_NODES = 1024**2  # 28 bytes each, in the version and in each worker
GRAPH = KernelSpec("", "float64", rounded=False, reading="values")


def numba_compilers(estimator: Any) -> Compilers:
    """One form for tree ensembles; other models have none.

    :raises ImportError: if numba is not installed, for an estimator that it would serve.
    """
    if library_of(estimator):
        compiler = _boosted_trees
    elif tree_graph.has_tree_graph(estimator):
        compiler = _trees
    else:
        return {}
    if find_spec("numba") is None:  # imported only where the trees have such a form
        raise ModuleNotFoundError(name="numba")
    return {"trees": compiler}


def _trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    trees = tree_graph.trees_of_graph(estimator)
    chain = TreesApart(width)
    scores = bool(output.classes) and not output.probabilities
    tree_graph.after_trees(chain, estimator, trees, scores=scores)
    rounded = not isinstance(estimator, model_trees.HISTOGRAM_BOOSTING)
    # The sums of a forest run over the same numbers in the same order.
    tie = None if type(estimator) in model_trees.FOREST else TIE["float64"]
    spec = KernelSpec(TREES_FILE, "float64", rounded, reading_of(output), tie=tie)
    return _proven(chain, trees), spec, True


def _boosted_trees(estimator: Any, output: OutputSignature, width: int) -> tuple[bytes, KernelSpec, bool]:
    model = boosted_trees(estimator)
    trees = boosted_graph.trees_of_graph(model)
    chain = TreesApart(width)
    boosted_graph.around_trees(chain, model, trees, width=width, classes=bool(output.classes))
    spec = KernelSpec(TREES_FILE, "float64", model.rounded, reading_of(output))
    return _proven(chain, trees), spec, True


class TreesApart(Chain):
    """A chain whose trees are no operator: what stands before them and after them is a graph each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._width = width
        self._parts: list[Mapping[str, Any]] = []

    def trees(self, trees: Iterable[ModelTree], *, targets: int) -> "TreesApart":
        """Append trees: rows to the sums of their leaves by target, (n, targets)."""
        self._end_graph()
        self._parts.append(tree_part(list(trees), width=self._width, targets=targets))
        self._width = targets
        return self

    def part(self) -> Mapping[str, Any]:
        """The part of a composed kernel, which is not kept: its arrays are as large as the file."""
        self._end_graph()
        parts, self._parts = self._parts, []
        return {"op": "chain", "parts": parts}

    def _end_graph(self) -> None:
        if self.last != "X":
            content = self.model(width=self._width).SerializeToString()
            self._parts.append({"op": "graph", "content": content, "spec": asdict(GRAPH)})
            Chain.__init__(self)


def tree_part(trees: list[ModelTree], *, width: int, targets: int) -> Mapping[str, Any]:
    """The trees as arrays over the nodes of all, see `app.models.engines.composed.tree_sums`.

    :raises NotCompilable: for more than `MOST_NODES`, and for sets of categories.
    """
    if any(tree.categories for tree in trees):
        raise NotCompilable("splits on sets of categories have no form for many rows")
    if (most := sum(len(tree.left) for tree in trees)) > MOST_NODES:
        raise NotCompilable(f"more than {MOST_NODES:,} nodes")
    roots, depths = np.zeros(len(trees), np.uint32), np.zeros(len(trees), np.uint32)
    nodes = {name: np.zeros(most + 1, kind) for name, kind in ARRAYS_OF_NODES.items()}
    end = 0
    for number, tree in enumerate(trees):  # one at a time, because publishing takes memory enough
        order, depths[number] = _by_level(tree)
        for name, column in _columns(tree, order, end).items():
            nodes[name][end : end + len(order)] = column
        roots[number], end = end, end + len(order)
    # One more, because the node after the last one is looked for too.
    nodes = {name: column[: end + 1] for name, column in nodes.items()}
    nodes["threshold"][end], nodes["onward"][end] = np.inf, 2 * end
    return {"op": "trees", **nodes, "roots": roots, "depths": depths, "width": width, "n_targets": targets}


def _by_level(tree: ModelTree) -> tuple[Array, int]:
    """The nodes by level, both children of one beside each other, and how many levels follow the root."""
    levels = [np.array([0])]
    while len(inner := levels[-1][tree.left[levels[-1]] >= 0]):
        levels.append(np.stack([tree.left[inner], tree.right[inner]], axis=1).ravel())
    return np.concatenate(levels), len(levels) - 1


def _columns(tree: ModelTree, order: Array, root: int) -> dict[str, Array]:
    """The arrays of one tree, whose nodes begin at ``root``."""
    inner = tree.left[order] >= 0
    left = np.where(inner, 2 * np.cumsum(inner) - 1, np.arange(len(order))) + root
    leaves = tree.values[order]
    return {
        "threshold": np.where(inner, tree.threshold[order], np.inf),
        "feature": np.where(inner, tree.feature[order], 0),
        "onward": 2 * left + (inner & ~tree.missing_left[order]),
        "values": np.where(inner, 0.0, 1.0 if tree.classes else leaves),
        "targets": np.where(inner, 0, leaves if tree.classes else tree.target),
    }


def _proven(chain: TreesApart, trees: list[ModelTree]) -> bytes:
    """The file of a chain, read back and compared with the model.

    :raises NotCompilable: with the first difference.
    """
    content = packed(chain.part())
    (part,) = (each for each in unpacked(content)["parts"] if each["op"] == "trees")
    for number, tree in enumerate(trees):
        if reason := difference(part, number, tree):
            raise NotCompilable(f"the arrays are not the model: tree {number}: {reason}")
    return content


def difference(part: Mapping[str, Any], number: int, tree: ModelTree) -> str | None:
    """The first difference between a tree of the arrays and the model's, bit for bit, or None."""
    here, there = part["roots"][[number]].astype(np.int64), np.array([0])
    for _ in range(int(part["depths"][number]) + 1):
        inner, left = tree.left[there] >= 0, part["onward"][here] >> 1
        if not _same(part, here, there, tree, inner).all():
            return "a split or a leaf differs"
        if (left[~inner] != here[~inner]).any():
            return "a leaf goes on"
        here = np.concatenate([left[inner], left[inner] + 1])
        there = np.concatenate([tree.left[there[inner]], tree.right[there[inner]]])
    return "it ends too early" if len(here) else None


def _same(part: Mapping[str, Any], here: Array, there: Array, tree: ModelTree, inner: Array) -> Array:
    leaves = tree.values[there]
    wanted = {
        "threshold": np.where(inner, tree.threshold[there], np.inf),
        "feature": np.where(inner, tree.feature[there], part["feature"][here]),
        "values": np.where(inner, part["values"][here], 1.0 if tree.classes else leaves),
        "targets": np.where(inner, part["targets"][here], leaves if tree.classes else tree.target),
    }
    same: Array = (part["onward"][here] & 1 == 1) == (inner & ~tree.missing_left[there])
    for name, numbers in wanted.items():
        bits = ARRAYS_OF_NODES[name].replace("f", "u")
        same &= part[name][here].view(bits) == numbers.astype(ARRAYS_OF_NODES[name]).view(bits)
    return same
