"""Trees of other versions in the installed scikit-learn's layout."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.tree._tree import NODE_DTYPE, Tree

from app.models.importing.exported.export_file import ExportFile
from app.models.untrusted import Unsound

# Before version 1.0.
OLD_FIELDS = {"num_threshold": "threshold"}


def rebuilt_tree(file: ExportFile, node: Mapping[str, Any]) -> Any:
    """A `Tree`; `check_parts` looks at its nodes later.

    :raises Unsound: if its arrays do not fit together.
    """
    nodes, values = (
        file.array(node["nodes"], kinds="V", ndim=1),
        file.array(node["values"], kinds="f", ndim=3),
    )
    classes = file.array(node["n_classes"], kinds="iu", ndim=1).astype(np.intp)
    n_features, n_outputs, depth = (int(node[name]) for name in ("n_features", "n_outputs", "max_depth"))
    if not 0 < n_outputs == len(classes) or not (classes > 0).all() or n_features < 1:
        raise Unsound("a decision tree has leaves without values")
    if values.shape != (len(nodes), n_outputs, int(classes.max())):
        raise Unsound("a decision tree has values for other nodes than its own")
    tree = Tree(n_features, classes, n_outputs)
    state = {"nodes": in_layout(nodes, NODE_DTYPE), "values": np.ascontiguousarray(values, dtype=np.float64)}
    tree.__setstate__(state | {"node_count": len(nodes), "max_depth": depth})
    return tree


def in_layout(nodes: NDArray[Any], layout: np.dtype[Any]) -> NDArray[Any]:
    """The nodes field by field in another layout; a field that they do not have is zero.

    :raises Unsound: if they are no records, or lack a field that decides a row's way.
    """
    names = nodes.dtype.names or ()
    found = np.zeros(len(nodes), dtype=layout)
    for name in layout.names or ():
        own = name if name in names else OLD_FIELDS.get(name, "")
        if own in names:
            found[name] = nodes[own]
        elif name in ("left_child", "feature", "threshold", "value", "feature_idx", "left", "num_threshold"):
            raise Unsound(f"a tree has nodes without {name}")
    return found


def adapt_predictor(attributes: dict[str, Any]) -> None:
    """The nodes of a tree of histogram boosting, and the sets of categories that it may not have had."""
    attributes["nodes"] = in_layout(attributes["nodes"], np.dtype(PREDICTOR_RECORD_DTYPE))
    for name in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        attributes.setdefault(name, np.zeros((0, 8), dtype=np.uint32))
