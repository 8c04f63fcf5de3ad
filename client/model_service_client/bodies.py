"""Rows as bodies of requests, exactly: what JSON does not have becomes what the service takes for it."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from io import BytesIO
from typing import Any

from model_service_client.errors import Fault, invalid

JSON, NDJSON, NPY = "application/json", "application/x-ndjson", "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
SHORT = 50  # rows up to which JSON costs least; the service takes 100 unless it is told otherwise


class Unfit(TypeError):
    """No value of JSON stands for a cell."""


def cell(value: Any) -> Any:
    """One value as in JSON: NaN, NaT and NA are null; dates are text of ISO 8601; numbers keep all digits.

    :raises Unfit: for infinity, and for what is no single value.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float | Decimal):
        return _number(value)
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, date | time):
        return value.isoformat()
    if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0:
        return _scalar(value)
    raise Unfit(f"must be a single value, not {type(value).__name__}")


def _number(value: float | Decimal) -> int | float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise Unfit("must be a finite number")
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return float(value)


def _scalar(value: Any) -> Any:
    """A scalar of NumPy's."""
    if value.dtype.kind == "M":
        short = value.astype("datetime64[us]") if str(value.dtype) != "datetime64[D]" else value
        # What is finer than microseconds is left to the service, which takes no such text.
        return cell(short.item()) if short == value or value != value else str(value)
    return cell(value.item()) if value.dtype.kind in "biufUO" else _refuse(value)


def _refuse(value: Any) -> Any:
    raise Unfit(f"must be a number, a text, a truth value or a date, not {value.dtype}")


_ENCODER = json.JSONEncoder(allow_nan=False, default=cell, separators=(",", ":"))


def row_body(row: Any) -> bytes:
    """The body of a request for one row, a list in training order or a mapping by column name.

    :raises InvalidInput: naming the cells that cannot be sent.
    """
    try:
        return _encode({"features": row})
    except (TypeError, ValueError):  # missing, infinite, or of a kind that takes a closer look
        (plain,) = _plain([row], "features")
        return _encode({"features": plain})


def rows_body(rows: Sequence[Any]) -> bytes:
    """The body of a request for several rows; raises as `row_body` does, naming rows too."""
    try:
        return _encode({"samples": rows})
    except (TypeError, ValueError):
        return _encode({"samples": _plain(rows, "samples")})


def lines_body(rows: Sequence[Any]) -> bytes:
    """The same as NDJSON, a line for each row."""
    try:
        lines = [_encode(row) for row in rows]
    except (TypeError, ValueError):
        lines = [_encode(row) for row in _plain(rows, "samples")]
    return b"\n".join(lines)


def _encode(document: Any) -> bytes:
    return _ENCODER.encode(document).encode()


def _plain(rows: Iterable[Any], field: str) -> list[Any]:
    faults: list[Fault] = []
    found = [_plain_row(row, {"field": field, "row": index}, faults) for index, row in enumerate(rows)]
    if faults:
        raise invalid(faults)
    return found


def _plain_row(row: Any, where: Fault, faults: list[Fault]) -> dict[str, Any] | list[Any]:
    """One row of plain cells; what is wrong with it is added to the ``faults``."""
    if hasattr(row, "to_dict"):  # a series of pandas
        row = row.to_dict()
    if isinstance(row, str | bytes) or not isinstance(row, Iterable):
        faults.append({**where, "reason": f"must be a list or a mapping, not {type(row).__name__}"})
        return []
    cells: dict[Any, Any] = {}
    for key, value in row.items() if isinstance(row, Mapping) else enumerate(row):
        try:
            cells[key] = cell(value)
        except Unfit as unfit:
            at: Fault = {"name": str(key)} if isinstance(row, Mapping) else {"position": key}
            faults.append({**where, **at, "reason": str(unfit)})
    return (
        {str(key): value for key, value in cells.items()} if isinstance(row, Mapping) else [*cells.values()]
    )


@dataclass(frozen=True)
class ListRows:
    """Lists in training order, or mappings by column name."""

    rows: Sequence[Any]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> "ListRows":
        """These rows of them."""
        return ListRows([self.rows[position] for position in positions])

    def encode(self) -> tuple[str, bytes]:
        """JSON, or NDJSON of more rows than JSON may have."""
        if len(self.rows) <= SHORT:
            return JSON, rows_body(self.rows)
        return NDJSON, lines_body(self.rows)


@dataclass(frozen=True)
class ArrayRows:
    """A two-dimensional array of NumPy's, in training order."""

    array: Any

    def __len__(self) -> int:
        return len(self.array)

    def take(self, positions: Sequence[int]) -> "ArrayRows":
        """These rows of it."""
        return ArrayRows(self.array[list(positions)])

    def encode(self) -> tuple[str, bytes]:
        """As npy, unless they are few or no numbers."""
        if len(self.array) <= SHORT or self.array.dtype.kind not in "fiub":
            return ListRows(list(self.array)).encode()
        from numpy.lib import format as npy

        file = BytesIO()
        npy.write_array(file, self.array, allow_pickle=False)
        return NPY, file.getvalue()


@dataclass(frozen=True)
class TableRows:
    """Rows of a table of pyarrow's."""

    table: Any

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, positions: Sequence[int]) -> "TableRows":
        """These rows of it."""
        return TableRows(self.table.take(list(positions)))

    def encode(self) -> tuple[str, bytes]:
        """As an Arrow stream."""
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return ARROW, bytes(sink.getvalue())
