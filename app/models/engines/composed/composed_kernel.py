"""The kernel of models that are put together: members' graphs, formulas, and a wrapper's own arithmetic.

A part is a function of a float64 matrix (n, width), written as a dictionary with the name of its operation
and, if it has any, the parts within it.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import msgpack
import numpy as np

from app.models.engines.composed import combining, densities, distances, links
from app.models.engines.composed.operation import Function, Operation, Part
from app.models.engines.kernel import Content, KernelSpec
from app.models.engines.onnx_engine import OnnxKernel
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.schema.rows import Matrix

# Functions that turn the predictions of a transformed target back, by their names in NumPy.
INVERSES = {f.__name__: f for f in (np.exp, np.exp2, np.expm1, np.log, np.log2, np.log1p, np.sqrt, np.square)}
ARRAY = 1  # the code of msgpack's extension


class ComposedKernel:
    """The parts of a model, as one document of msgpack."""

    name = "onnx"

    def __init__(self, content: Content, spec: KernelSpec) -> None:
        self.spec = spec
        self.run = function_of(unpacked(content if isinstance(content, bytes) else content.read_bytes()))


class BatchKernel(ComposedKernel):
    """Trees as arrays, and what stands around them."""

    name = "numba"


def packed(part: Part) -> bytes:
    """The document of a part, whose arrays keep their dtype, shape and bits."""
    return msgpack.packb(part, default=_plain)  # type: ignore[no-any-return]


def unpacked(content: bytes) -> Part:
    """The part of a document that `packed` made.

    :raises ValueError: for what is no such document.
    """
    return msgpack.unpackb(content, ext_hook=_array)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value.tolist()  # NumPy's numbers
    content = np.ascontiguousarray(value)
    return msgpack.ExtType(ARRAY, msgpack.packb([content.dtype.str, content.shape, content.tobytes()]))


def _array(code: int, content: bytes) -> Any:
    if code != ARRAY:
        raise ValueError(f"an unknown kind of data: {code}")
    dtype, shape, numbers = msgpack.unpackb(content)
    return np.frombuffer(numbers, dtype).reshape(shape)


def function_of(part: Part) -> Function:
    """The function of a part.

    :raises KeyError: if the part's operation is unknown.
    """
    return OPERATIONS[part["op"]](part, [function_of(each) for each in part.get("parts", ())])


def _graph(part: Part, _: Sequence[Function]) -> Function:
    """A compiled estimator; a row that does not stay finite in the input's precision has no result."""
    spec = KernelSpec.from_dict(part["spec"])
    run = OnnxKernel(part["content"], spec).run

    def numbers(rows: Matrix) -> Matrix:
        with np.errstate(over="ignore"):
            prepared = rows.astype(np.float32) if spec.rounded else rows
            prepared = np.ascontiguousarray(prepared, dtype=spec.dtype)
        found = run(prepared).reshape(len(rows), -1).astype(np.float64)
        overflown = np.asarray(np.isinf(prepared).any(axis=1))
        return np.where(overflown[:, None], np.nan, found) if overflown.any() else found

    return numbers


def _prepared(part: Part, _: Sequence[Function]) -> Function:
    return Preprocessor.from_dict(part["preprocessor"]).apply


def _columns(part: Part, _: Sequence[Function]) -> Function:
    columns = part["columns"]
    return lambda rows: rows[:, columns]


def _chain(_: Part, functions: Sequence[Function]) -> Function:
    return lambda rows: reduce(lambda found, function: function(found), functions, rows)


def _beside(_: Part, functions: Sequence[Function]) -> Function:
    """The parts' results side by side."""
    return lambda rows: np.hstack([function(rows) for function in functions])


def _constant(part: Part, _: Sequence[Function]) -> Function:
    """The same numbers for every row."""
    numbers = np.array(part["numbers"]).reshape(1, -1)
    return lambda rows: np.repeat(numbers, len(rows), axis=0)


def _inverse(part: Part, _: Sequence[Function]) -> Function:
    return np.errstate(all="ignore")(INVERSES[part["function"]])


def _trees(part: Part, functions: Sequence[Function]) -> Function:
    from app.models.engines.composed.tree_sums import tree_sums

    return tree_sums(part, functions)


def _scaled(part: Part, _: Sequence[Function]) -> Function:
    factor, shift = part["factor"], part["shift"]
    return lambda predicted: predicted * factor + shift


OPERATIONS: Mapping[str, Operation] = {
    "graph": _graph,
    "prepared": _prepared,
    "columns": _columns,
    "all": lambda part, functions: lambda rows: rows,
    "chain": _chain,
    "beside": _beside,
    "constant": _constant,
    "inverse": _inverse,
    "scaled": _scaled,
    "trees": _trees,
    **combining.OPERATIONS,
    **links.OPERATIONS,
    **distances.OPERATIONS,
    **densities.OPERATIONS,
}
