"""Tensors of a request of the Open Inference Protocol, and the rows that they are."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from app.api.dialects.open_inference.v2_elements import BYTES, DTYPES, Described, from_bytes, from_json
from app.api.formats.decoding import check_rows
from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER, describe, shown
from app.models.schema.column_arrays import Coded, Column, Columns
from app.models.schema.rows import Matrix
from app.models.schema.signature import InputSignature
from app.models.schema.validation import FiniteMatrix, RawRows

FIELD = "inputs"


class Tensor(NamedTuple):
    """A tensor with its elements, row-major."""

    described: Described
    cells: Column


def read_tensors(inputs: Any, raw: memoryview) -> list[Tensor]:
    """The tensors of a request.

    :param inputs: as in its JSON.
    :param raw: what follows the JSON: the tensors that have a ``binary_data_size``, one after the other.
    :raises InvalidInput: naming the tensor, and the row and the column where it is about one element.
    """
    if not isinstance(inputs, list) or not inputs:
        raise InvalidInput([{"field": FIELD, "reason": "must be a list of one tensor or more"}])
    tensors, start = [], 0
    for position, document in enumerate(inputs):
        described = _describe(f"{FIELD}[{position}]", document)
        if (size := _binary_size(described, document)) is None:
            tensors.append(Tensor(described, from_json(described, document.get("data"))))
            continue
        if size > len(raw) - start:
            reason = f"its binary_data_size is {size}, but {len(raw) - start} bytes of the body are left"
            raise described.wrong(reason)
        tensors.append(Tensor(described, from_bytes(described, raw[start : start + size])))
        start += size
    if start < len(raw):
        raise InvalidInput([{"reason": f"{len(raw) - start} bytes after the JSON belong to no tensor"}])
    return tensors


def _describe(place: str, document: Any) -> Described:
    if not isinstance(document, dict):
        raise InvalidInput([{"field": place, "reason": f"must be an object, not {describe(document)}"}])
    name, datatype, shape = (document.get(key) for key in ("name", "datatype", "shape"))
    if not isinstance(name, str):
        raise InvalidInput([{"field": f"{place}.name", "reason": f"must be a string, not {describe(name)}"}])
    if not isinstance(datatype, str) or datatype not in (*DTYPES, BYTES):
        reason = f"must be one of {', '.join((*DTYPES, BYTES))}"
        raise InvalidInput([{"field": f"{place}.datatype", "reason": reason}])
    if not isinstance(shape, list) or len(shape) not in (1, 2) or any(type(n) is not int for n in shape):
        reason = "must be [rows] or [rows, columns]"
        raise InvalidInput([{"field": f"{place}.shape", "reason": reason}])
    check_rows(shape[0])
    if (width := prod(shape[1:])) < 1:
        reason = "must have one column or more"
        raise InvalidInput([{"field": f"{place}.shape", "reason": reason}])
    return Described(place, name, datatype, shape[0], width)


def _binary_size(described: Described, document: dict[str, Any]) -> int | None:
    """The length of a raw tensor in bytes; None for one in JSON."""
    parameters = document.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise described.wrong(f"its parameters must be an object, not {describe(parameters)}")
    if parameters.get("content_type") == "base64":
        raise described.wrong("the content_type base64 is not known here: send the text itself")
    if (size := parameters.get("binary_data_size")) is None:
        return None
    if type(size) is not int or size < 0:
        raise described.wrong("its binary_data_size must be a number of bytes")
    if document.get("data") is not None:
        raise described.wrong("has both data and a binary_data_size")
    return size


def rows_of(tensors: list[Tensor], signature: InputSignature) -> RawRows:
    """The rows: of one matrix in training order, or of a tensor for each column.

    One tensor is a matrix if it has several columns, or no name of a column.

    :raises InvalidInput: if several tensors are no columns of equal length, each with a name of its own.
    """
    first = tensors[0].described
    if len(tensors) == 1 and (first.width > 1 or first.name not in signature.positions):
        return _matrix(tensors[0], signature)
    for described, _ in tensors:
        if described.width > 1:
            raise described.wrong(
                "must have the shape [rows] or [rows, 1]: each of several tensors is a column"
            )
        if described.rows != first.rows:
            raise described.wrong(f"has {described.rows} rows, {shown(first.name)!r} has {first.rows}")
    if (joined := _joined(tensors, signature)) is not None:
        return joined
    names = tuple(described.name for described, _ in tensors)
    return Columns(names, tuple(cells for _, cells in tensors))


def _joined(tensors: list[Tensor], signature: InputSignature) -> Matrix | None:
    """A float64 array (n, d) of columns that are finite floats, all that the model has: for few rows a third
    of the time that they take one by one."""
    by_name = {described.name: cells for described, cells in tensors}
    if not signature.numeric or not len(tensors) == len(by_name) == len(signature.names):
        return None
    columns = [by_name.get(name) for name in signature.names]
    if not all(isinstance(cells, np.ndarray) and cells.dtype.kind == "f" for cells in columns):
        return None
    return _finite(np.column_stack(columns))  # type: ignore[arg-type] # none of them is None


def _matrix(tensor: Tensor, signature: InputSignature) -> RawRows:
    """A float64 array (n, d) of finite numbers where the model takes that, else columns."""
    width, cells = tensor.described.width, tensor.cells
    if isinstance(cells, Coded):
        codes = cells.codes.reshape(-1, width).T
        return Columns(None, tuple(Coded(each, cells.labels) for each in codes))
    matrix = cells.reshape(-1, width)
    if signature.numeric and width == len(signature.features) and (found := _finite(matrix)) is not None:
        return found
    return Columns(None, tuple(matrix.T))


def _finite(matrix: Matrix) -> Matrix | None:
    """The numbers as float64, None unless it holds all of them exactly and they are finite."""
    if matrix.dtype.kind == "f":
        numbers = matrix.astype(np.float64, copy=False)
        return numbers.view(FiniteMatrix) if np.isfinite(numbers).all() else None
    if matrix.dtype.kind == "b" or max(int(matrix.max()), -int(matrix.min())) > EXACT_INTEGER:
        return None
    return matrix.astype(np.float64).view(FiniteMatrix)
