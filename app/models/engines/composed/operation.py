"""What an operation of a composed kernel is made of and makes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.models.schema.rows import Matrix

Part = Mapping[str, Any]  # what the operation is told, as plain data and arrays
Function = Callable[[Matrix], Matrix]
# From a part, and the functions of the parts within it, to the part's own function.
Operation = Callable[[Part, Sequence[Function]], Function]

# The arrays of the operation on trees, (nodes of all trees,) and (trees,), and their dtypes.
ARRAYS_OF_NODES = {"threshold": "f8", "feature": "u4", "onward": "u4", "values": "f8", "targets": "u4"}
ARRAYS_OF_TREES = {"roots": "u4", "depths": "u4"}
