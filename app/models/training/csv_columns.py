"""Typed columns of a CSV file: numbers, truth values and text; empty cells are missing."""

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# Marks of spreadsheets and libraries for an empty cell in a column of numbers; in a text column, text.
NO_NUMBER = {"NA", "N/A", "#N/A", "n/a", "nan", "NaN", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "NaT"}
TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
# Zip codes, account and part numbers, which a round trip through a number would change.
LEADING_ZERO = r"[+-]?0\d"


def read_csv(path: Path, *, text: frozenset[str] = frozenset(), target: str | None = None) -> pd.DataFrame:
    """Read a file with a header; pandas alone would read ``NA`` and ``None`` as missing, and 007 as 7.

    :param text: columns to read as text.
    :param target: a column whose whole numbers stay integers even if some are missing.
    :raises ValueError: if the file cannot be parsed, or its header does not fit its rows.
    """
    _check_header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            cells = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
        except pd.errors.ParserWarning:
            raise ValueError("its rows have more fields than its header has names") from None
    columns = [
        parse(cells.iloc[:, i].astype(object), text=name in text, whole=name == target)
        for i, name in enumerate(cells.columns)
    ]
    frame = pd.concat(columns, axis="columns") if columns else cells
    return frame.set_axis(cells.columns, axis="columns")


def _check_header(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise ValueError("its fields are not separated by commas: save it with commas")
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it has several columns named {', '.join(double)}")


def parse(cells: "pd.Series[Any]", *, text: bool = False, whole: bool = False) -> "pd.Series[Any]":
    """Strings as numbers, truth values or text; empty cells are NaN, or NA beside truth values."""
    stripped = cells.str.strip()
    empty = stripped == ""
    if not text:
        marks = stripped.isin(NO_NUMBER)
        present = stripped[~empty & ~marks]
        if present.empty:
            # A column of empty cells is not text; a column of marks is.
            return cells.where(~empty, np.nan) if marks.any() else pd.Series(np.nan, cells.index)
        if not present.str.match(LEADING_ZERO).any():
            numbers = pd.to_numeric(present, errors="coerce")
            if numbers.notna().all():
                if len(numbers) == len(cells):
                    return numbers
                dtype = "Int64" if whole and pd.api.types.is_integer_dtype(numbers.dtype) else "float64"
                return numbers.astype(dtype).reindex(cells.index)
        if present.isin(TRUTHS).all() and not marks.any():
            truths = present.map(TRUTHS)
            complete = len(truths) == len(cells)
            return truths.astype(bool) if complete else truths.reindex(cells.index).astype("boolean")
    return cells.where(~empty, np.nan)
