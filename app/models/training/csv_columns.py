"""The columns of a CSV file: empty cells are missing, numbers are numbers, and text is text."""

import csv
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# What spreadsheets and libraries write into an empty cell of a column of numbers; in a column of text it is
# text.
NO_NUMBER = frozenset(
    ("NA", "N/A", "#N/A", "n/a", "nan", "NaN", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "NaT")
)
TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
# Zip codes, account and part numbers: what would be another text after a round trip through a number.
LEADING_ZERO = r"[+-]?0\d"


def read_csv(path: Path, *, text: frozenset[str] = frozenset(), target: str | None = None) -> pd.DataFrame:
    """Read a file with a header; pandas alone would take ``NA`` and ``None`` for missing, and 007 for 7.

    :param text: columns that are text whatever they look like.
    :param target: the column whose whole numbers stay whole although some are missing.
    :raises ValueError: if it cannot be parsed, or its header does not fit its rows.
    """
    _check_header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            cells = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False)
        except pd.errors.ParserWarning:
            raise ValueError("its rows have more fields than its header has names") from None
    names = list(cells.columns)
    columns = [
        parse(cells.iloc[:, i].astype(object), text=name in text, whole=name == target)
        for i, name in enumerate(names)
    ]
    frame = pd.concat(columns, axis="columns") if columns else cells
    return frame.set_axis(names, axis="columns")


def _check_header(path: Path) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise ValueError("its fields are not separated by commas: save it with commas")
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"it has several columns named {', '.join(double)}")


def parse(cells: "pd.Series[Any]", *, text: bool = False, whole: bool = False) -> "pd.Series[Any]":
    """A column of strings as numbers, truth values or text; NaN, or NA beside truth values, where it is
    empty."""
    stripped = cells.str.strip()
    empty = stripped == ""
    if not text:
        marks = stripped.isin(NO_NUMBER)
        present = stripped[~empty & ~marks]
        if present.empty:
            # Nothing but empty cells is no text; nothing but marks is.
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
            return (
                truths.astype(bool)
                if len(truths) == len(cells)
                else truths.reindex(cells.index).astype("boolean")
            )
    return cells.where(~empty, np.nan)
