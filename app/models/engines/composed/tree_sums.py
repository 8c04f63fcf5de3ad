"""Sums of leaves over an ensemble of trees, many rows at once. Importing it needs numba.

A row's next node depends on the node before, so one row alone waits at each level for memory and for the
comparison; here the rows of a block take a level together, and none waits for another.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from app.models.engines.composed.operation import ARRAYS_OF_NODES, ARRAYS_OF_TREES, Function, Part
from app.models.schema.rows import Matrix

# ``onward``: twice the position of the left child, which the right one follows, and one more if NaN goes
# right. A leaf is its own left child, and no number is beyond its threshold.
NODE = np.dtype([("threshold", "f8"), ("feature", "u4"), ("onward", "u4")])
BLOCK = 256  # rows, which stay in the innermost cache


def tree_sums(part: Part, _: Sequence[Function]) -> Function:
    """From prepared rows, float64 (n, width), to the sums of their leaves by target, (n, targets).

    Leaves are added in the order of the trees.

    :raises ValueError: if a node, a column or a target does not exist, or an array is of another kind.
    """
    if any(
        (part[name].dtype, part[name].ndim) != (np.dtype(kind), 1)
        for name, kind in (ARRAYS_OF_NODES | ARRAYS_OF_TREES).items()
    ):
        raise ValueError("trees whose arrays are of other kinds")
    nodes = nodes_of(part)
    values, targets, roots, depths = (part[name] for name in ("values", "targets", "roots", "depths"))
    width, n_targets = part["width"], part["n_targets"]
    last = (nodes["onward"] >> 1) + ((nodes["threshold"] < np.inf) | (nodes["onward"] & 1 == 1))
    if not (
        len(nodes) == len(values) == len(targets) > max(last.max(), roots.max())
        and depths.sum(dtype=np.uint64) < len(nodes)  # a level has a node: more might never end
        and len(roots) == len(depths)
        and nodes["feature"].max() < width
        and targets.max() < n_targets
    ):
        raise ValueError("trees that point at what does not exist")

    def sums(rows: Matrix) -> Matrix:
        if rows.shape[1] != width:
            raise ValueError(f"trees of {width} columns got {rows.shape[1]}")
        total = np.zeros((len(rows), n_targets))
        add = _add(missing=bool(np.isnan(rows).any()))
        add(np.ascontiguousarray(rows), nodes, values, targets, roots, depths, total)
        return total

    for number in (0.0, np.nan):  # compiled now, and not by the first request
        sums(np.full((1, width), number))
    return sums


def nodes_of(part: Part) -> NDArray[np.void]:
    """The nodes of all trees, each tree by levels."""
    nodes = np.empty(len(part["threshold"]), NODE)
    for name in NODE.names or ():
        nodes[name] = part[name]
    return nodes


@cache
def _add(*, missing: bool) -> Callable[..., None]:
    """The compiled loop; where no number is missing without a look for NaN, which costs a third."""

    @njit(nogil=True)
    def add(rows: Any, nodes: Any, values: Any, targets: Any, roots: Any, depths: Any, total: Any) -> None:
        # Unsigned, because numba looks whether a signed index is negative.
        at = np.empty(BLOCK, np.uint32)
        for start in range(0, len(rows), BLOCK):
            first, count = np.uint64(start), np.uint64(min(BLOCK, len(rows) - start))
            for tree in range(len(roots)):
                for row in range(count):
                    at[row] = roots[tree]
                for _ in range(depths[tree]):
                    for row in range(count):
                        node = nodes[at[row]]
                        number = rows[first + row, node.feature]
                        right = number > node.threshold
                        if missing:
                            right |= (number != number) & (node.onward & np.uint32(1) == 1)
                        at[row] = (node.onward >> np.uint32(1)) + np.uint32(right)
                for row in range(count):
                    total[first + row, targets[at[row]]] += values[at[row]]

    return add
