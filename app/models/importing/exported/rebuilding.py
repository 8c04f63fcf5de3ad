"""Rebuilding: from the nodes of an export to objects of the installed scikit-learn.

These objects are what the compilers read. Nothing asks them for predictions: their code is another version's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from app.models.importing.exported.export_file import ExportFile
from app.models.importing.exported.known_classes import known_class
from app.models.importing.exported.old_layouts import adapted
from app.models.importing.exported.old_trees import rebuilt_tree
from app.models.untrusted import Unsound
from app.models.untrusted.structure import check_parts

# Functions of NumPy that a FunctionTransformer may name.
FUNCTIONS = (
    *("abs", "absolute", "cbrt", "ceil", "cos", "exp", "exp2", "expm1", "floor", "log", "log10", "log1p"),
    *("log2", "negative", "rint", "round", "sign", "sin", "sqrt", "square", "tan", "tanh"),
)
TYPES = {"bool": bool, "int": int, "float": float, "str": str, "object": object}
NUMBERS = ("bool_", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "number")
FLOATS = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}


def rebuilt_model(file: ExportFile) -> Any:
    """The exported model, checked as any untrusted one.

    :raises Unsound: naming what cannot be rebuilt, or is not consistent.
    """
    model = Rebuilder(file).value(file.document["model"])
    if not hasattr(model, "predict"):
        raise Unsound(f"it holds a {type(model).__name__} in place of a model")
    check_parts(model)
    return model


class Rebuilder:
    """Makes the value of each node of a document."""

    def __init__(self, file: ExportFile) -> None:
        self._file = file
        self._makers: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
            "float": lambda node, _: FLOATS[node],
            "array": lambda node, _: file.array(node),
            "scalar": lambda node, _: file.array(node).reshape(-1)[0],
            "objects": self._objects,
            "list": lambda node, _: self.values(node),
            "tuple": lambda node, _: tuple(self.values(node)),
            "set": lambda node, _: set(self.values(node)),
            "dict": lambda node, _: {self.value(key): self.value(each) for key, each in node},
            "slice": lambda node, _: slice(*self.values(node)),
            "dtype": lambda node, _: np.dtype(str(node)),
            "type": lambda node, _: _type(str(node)),
            "function": lambda node, _: _function(str(node)),
            "dropped": lambda node, _: None,
            "sparse": self._sparse,
            "tree": lambda node, _: rebuilt_tree(file, node),
            "object": self._object,
        }

    def value(self, node: Any) -> Any:
        """The value of a node.

        :raises Unsound: for a node of unknown kind.
        """
        if not isinstance(node, dict):
            if isinstance(node, list):
                raise Unsound("its document has a list in place of a value")
            return node
        kind = next(iter(node), "")
        if kind not in self._makers:
            raise Unsound(f"its document has a value of unknown kind {kind[:40]!r}")
        return self._makers[kind](node[kind], node)

    def values(self, nodes: Any) -> list[Any]:
        """The values of a list of nodes."""
        if not isinstance(nodes, list):
            raise Unsound("its document lacks a list")
        return [self.value(node) for node in nodes]

    def _objects(self, nodes: Any, node: dict[str, Any]) -> Any:
        values = self.values(nodes)
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return array.reshape([int(length) for length in node["shape"]])

    def _sparse(self, numbers: Any, node: dict[str, Any]) -> Any:
        data, indices, indptr = (self._file.array(number, ndim=1) for number in numbers)
        rows, columns = (int(length) for length in node["shape"])
        return scipy.sparse.csr_matrix((data, indices, indptr), shape=(rows, columns))

    def _object(self, path: Any, node: dict[str, Any]) -> Any:
        kind = known_class(path)
        attributes = {str(name): self.value(each) for name, each in node["attributes"].items()}
        if private := [name for name in attributes if name.startswith("__")]:
            raise Unsound(f"{kind.__name__} has an attribute {private[0][:40]!r}")
        return adapted(kind, attributes)


def _function(name: str) -> Any:
    if name not in FUNCTIONS:
        raise Unsound(f"it names numpy.{name}, which no compiled form knows")
    return getattr(np, name)


def _type(name: str) -> Any:
    """A type that a parameter names, such as an encoder's dtype; None for one that means nothing here."""
    short = name.removeprefix("numpy.")
    return TYPES.get(name) or (getattr(np, short) if short in NUMBERS else None)
