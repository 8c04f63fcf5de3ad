"""From Python's values to JSON, exactly: what JSON does not have becomes what the service takes for it."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from typing import Any

from model_service_client.errors import Fault, invalid

try:
    import orjson
except ImportError:  # the standard library's does as well, in three times the time
    orjson = None  # type: ignore[assignment]


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


def row_body(row: Any) -> bytes:
    """The body of a request for one row, a list in training order or a mapping by column name.

    :raises InvalidInput: naming the cells that cannot be sent.
    """
    if (quick := _quickly({"features": row})) is not None:
        return quick
    (plain,) = _plain([row], "features")
    return _exactly({"features": plain})


def rows_body(rows: Sequence[Any]) -> bytes:
    """The body of a request for several rows; raises as `row_body` does, naming rows too."""
    return _quickly({"samples": rows}) or _exactly({"samples": _plain(rows, "samples")})


def lines_body(rows: Sequence[Any]) -> bytes:
    """The same as NDJSON, a line for each row."""
    lines = [_quickly(row) for row in rows]
    if None in lines:
        lines = [_exactly(row) for row in _plain(rows, "samples")]
    return b"\n".join(map(bytes, filter(None, lines)))


def _quickly(document: Any) -> bytes | None:
    """JSON, or None if a value may be missing, infinite or of a kind that takes a closer look."""
    with suppress(TypeError, ValueError):
        if orjson is None:
            return _ENCODE(document).encode()
        if b"null" not in (text := orjson.dumps(document, cell, _OPTIONS)):
            return text
    return None


def _exactly(document: Any) -> bytes:
    """JSON of what `_plain` returned; whole numbers may have any length."""
    return _ENCODE(document).encode()


def loads(text: bytes) -> Any:
    """:raises ValueError: if it is no JSON."""
    return json.loads(text) if orjson is None else orjson.loads(text)


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


_ENCODE = json.JSONEncoder(allow_nan=False, default=cell, separators=(",", ":")).encode
_OPTIONS = None if orjson is None else orjson.OPT_PASSTHROUGH_DATACLASS
