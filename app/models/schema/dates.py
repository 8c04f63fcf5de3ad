"""Columns of dates: ISO 8601 in JSON and in an engine's rows, the sample's own dtype for the model."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from app.models.schema.signature import Feature

OBJECT_DATES = "object[date]"  # Python's dates, without a time of day
ARROW_DATES = "date32[day][pyarrow]"  # the same in pyarrow
DAYS = (OBJECT_DATES, ARROW_DATES)
TIME = re.compile(r"(datetime64|timestamp)\[(?P<unit>[a-zA-Z]+)(?P<zone>, .+)?\](\[pyarrow\])?")
FINER = re.compile(r"[.,]\d{7}")
# In one unit, where these are more than one.
MICROSECONDS = {"D": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
# NumPy's units that pandas does not have: only arrays hold them.
ARRAY_DTYPES = ("datetime64[D]", "datetime64[h]", "datetime64[m]")
YEARS_IN_NANOSECONDS = range(1678, 2262)


def as_text(value: date) -> str:
    """A date, or a time to the microsecond, as ISO 8601."""
    to_datetime = getattr(value, "to_pydatetime", None)  # pandas' timestamps, which may have nanoseconds
    return str((to_datetime(warn=False) if to_datetime else value).isoformat())


def date_cell(value: Any, feature: Feature) -> tuple[str | None, str | None]:
    """The text of a date in the column's form, or the reason against it."""
    if value is None or value != value:
        return None, None if feature.nullable else "must be a date, not null"
    if not isinstance(value, str):
        return None, "must be a date as text of ISO 8601, such as 2026-11-26"
    if feature.dtype in DAYS:
        return _day(value)
    found = TIME.fullmatch(feature.dtype or "")
    unit, zoned = (found["unit"], bool(found["zone"])) if found else ("us", False)
    if FINER.search(value):  # which the next line would cut
        return None, "is more precise than microseconds"
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        example = "2026-11-26T08:30:00+01:00" if zoned else "2026-11-26T08:30:00"
        return None, f"must be a date or time of ISO 8601, such as {example}"
    reason = _reason_against(time, unit, zoned=zoned)
    return (None, reason) if reason else (time.isoformat(), None)


def _day(value: str) -> tuple[str | None, str | None]:
    try:
        return date.fromisoformat(value).isoformat(), None
    except ValueError:
        return None, "must be a date of ISO 8601 without a time, such as 2026-11-26"


def _reason_against(time: datetime, unit: str, *, zoned: bool) -> str | None:
    if zoned and time.tzinfo is None:
        return "must have an offset from UTC, such as +01:00 or Z"
    if not zoned and time.tzinfo is not None:
        return "must have no offset from UTC, as the dates that the model was fitted to"
    if unit == "ns" and time.year not in YEARS_IN_NANOSECONDS:
        return f"must be between {YEARS_IN_NANOSECONDS.start} and {YEARS_IN_NANOSECONDS.stop - 1}"
    since_midnight = ((time.hour * 60 + time.minute) * 60 + time.second) * 1_000_000 + time.microsecond
    if since_midnight % MICROSECONDS.get(unit, 1):
        return f"is more precise than the model's column, whose unit is {unit}"
    return None


def restored(cells: Sequence[str | None], dtype: str) -> Any:
    """Texts that `date_cell` let through, in the sample's dtype; missing ones are NaT, or None in objects."""
    read = date.fromisoformat if dtype in DAYS else datetime.fromisoformat
    times = [None if cell is None else read(cell) for cell in cells]
    if dtype == OBJECT_DATES:
        return np.array(times, dtype=object)
    if dtype in ARRAY_DTYPES:
        return np.array(times, dtype="datetime64[us]").astype(dtype)
    import pandas as pd

    return pd.array(times, dtype=dtype)
