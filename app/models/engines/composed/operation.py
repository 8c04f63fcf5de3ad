"""What an operation of a composed kernel is made of and makes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.models.schema.rows import Matrix

Part = Mapping[str, Any]  # what the operation is told, as plain data and arrays
Function = Callable[[Matrix], Matrix]
# From a part, and the functions of the parts within it, to the part's own function.
Operation = Callable[[Part, Sequence[Function]], Function]
