"""Elements of a tensor of the Open Inference Protocol: from JSON or raw bytes to an array, row-major."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER, describe, shown
from app.models.schema.column_arrays import Column, coded

BYTES = "BYTES"
# Raw tensors are little-endian.
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
# What the elements of a tensor may be in JSON, beside null, and what they are called.
ELEMENTS: dict[str, tuple[frozenset[type], str]] = {
    "b": (frozenset((bool, int)), "true or false"),
    "i": (frozenset((int, float)), "a whole number"),
    "u": (frozenset((int, float)), "a whole number"),
    "f": (frozenset((int, float)), "a number"),
    BYTES: (frozenset((str,)), "a string"),
}
LENGTH_BYTES = 4  # before each text of a raw tensor


@dataclass(frozen=True, slots=True)
class Described:
    """What a request says of a tensor."""

    place: str
    name: str
    datatype: str
    rows: int
    width: int

    @property
    def count(self) -> int:
        """How many elements there are to be."""
        return self.rows * self.width

    def wrong(self, reason: str) -> InvalidInput:
        """An error of the whole tensor."""
        return InvalidInput([{"field": f"{self.place} {shown(self.name)!r}", "reason": reason}])

    def wrong_at(self, position: int, reason: str) -> InvalidInput:
        """An error of one element."""
        row, column = divmod(position, self.width)
        where = {"name": shown(self.name)} if self.width == 1 else {"position": column}
        return InvalidInput([{"field": self.place, "row": row, **where, "reason": reason}])


def from_json(described: Described, data: Any) -> Column:
    cells = _flat(described, data)
    if len(cells) != described.count:
        raise described.wrong(f"its shape has {described.count} elements, its data {len(cells)}")
    kind = BYTES if described.datatype == BYTES else DTYPES[described.datatype].kind
    kinds, (permitted, noun) = set(map(type, cells)), ELEMENTS[kind]
    missing = type(None) in kinds
    if not kinds <= permitted | {type(None)}:
        found = next(i for i, cell in enumerate(cells) if cell is not None and type(cell) not in permitted)
        raise described.wrong_at(found, f"must be {noun}, not {describe(cells[found])}")
    if kind == BYTES:
        return coded(cells)
    if kind == "b":
        return _truth_values(described, cells, missing=missing)
    if kind == "f":
        with np.errstate(over="ignore"):  # what a short float does not hold is infinite, and refused as such
            return np.array(cells, dtype=DTYPES[described.datatype])
    return _integers(described, cells, missing=missing)


def _flat(described: Described, data: Any) -> list[Any]:
    """The elements, row-major, of flat or nested data; nested data must have the shape of the tensor."""
    if not isinstance(data, list):
        raise described.wrong(f"its data must be a list, not {describe(data)}")
    if not data or not isinstance(data[0], list):
        return data
    widths = {len(row) if isinstance(row, list) else -1 for row in data}
    if widths != {described.width} or len(data) != described.rows:
        raise described.wrong(f"its data are not {described.rows} lists of {described.width}, its shape")
    return list(chain.from_iterable(data))


def _truth_values(described: Described, cells: list[Any], *, missing: bool) -> Column:
    if not set(cells) <= {True, False, None}:
        found = next(i for i, cell in enumerate(cells) if cell not in (True, False, None))
        raise described.wrong_at(found, "must be true or false, not another number")
    if missing:
        return coded([None if cell is None else bool(cell) for cell in cells])
    return np.array(cells, dtype=np.bool_)


def _integers(described: Described, cells: list[Any], *, missing: bool) -> Column:
    """Whole numbers as they are; as floats, NaN where one is missing, if float64 holds all of them."""
    dtype = DTYPES[described.datatype]
    whole: list[Any]
    plain = set(map(type, cells)) == {int}
    whole = cells if plain else [0 if cell is None else _whole(cell) for cell in cells]
    try:
        array = np.array(whole, dtype=dtype)
    except (OverflowError, TypeError):
        limits = np.iinfo(dtype)
        found = next(i for i, n in enumerate(whole) if n is None or not limits.min <= n <= limits.max)
        raise described.wrong_at(found, f"must be a whole number of {described.datatype}") from None
    if not missing:
        return array
    if max(map(abs, whole)) > EXACT_INTEGER:
        return coded(cells)
    return np.where([cell is None for cell in cells], np.nan, array)


def _whole(cell: int | float) -> int | None:
    """A whole number that may be written as a float; None for any other, and for what was rounded."""
    if isinstance(cell, int):
        return cell
    return int(cell) if cell.is_integer() and abs(cell) <= EXACT_INTEGER else None


def from_bytes(described: Described, raw: memoryview) -> Column:
    if described.datatype == BYTES:
        return coded(_texts(described, raw))
    dtype = DTYPES[described.datatype]
    if len(raw) != (expected := described.count * dtype.itemsize):
        raise described.wrong(f"its shape takes {expected} bytes of {described.datatype}, not {len(raw)}")
    if dtype.kind == "b":
        values = np.frombuffer(raw, dtype=np.uint8)
        if values.max() > 1:
            raise described.wrong_at(int((values > 1).argmax()), "must be a byte of 0 or 1")
        return values.view(np.bool_)
    # Without a copy, unless the JSON before it has a length that puts the numbers out of line.
    return np.require(np.frombuffer(raw, dtype=dtype), requirements="A")


def _texts(described: Described, raw: memoryview) -> list[str]:
    texts: list[str] = []
    start = 0
    while len(texts) < described.count and start + LENGTH_BYTES <= len(raw):
        begin = start + LENGTH_BYTES
        start = begin + int.from_bytes(raw[start:begin], "little")
        try:
            texts.append(str(raw[begin:start], "utf-8"))
        except UnicodeDecodeError:
            raise described.wrong_at(len(texts), "must be text in UTF-8") from None
    if start != len(raw) or len(texts) < described.count:  # beyond the end if the last one is cut off
        raise described.wrong(f"its bytes are not {described.count} texts with their lengths before them")
    return texts
