"""A model as somebody brings it, with rows that nobody trained on, all in its own form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Brought:
    """A fitted model, the sample that comes with it, and rows to ask for: arrays, data frames or lists of
    texts."""

    model: Any
    sample: Any
    rows: Any
    scaler: Any = None


@dataclass(frozen=True)
class Case:
    """One line of the matrix. ``refused``: saving it must end in a sentence."""

    name: str
    bring: Callable[[], Brought]
    refused: bool = False


def with_edges(rows: Any, sample: Any) -> Any:
    """Rows held out, and rows on the edges of what the sample holds: extremes, zeros, large numbers."""
    if not isinstance(rows, np.ndarray) or rows.dtype.kind not in "fiu":
        return rows
    sample = np.asarray(sample)
    center, low, high = np.nanmean(sample, axis=0), np.nanmin(sample, axis=0), np.nanmax(sample, axis=0)
    edges = [low, high, center, np.zeros_like(center), 1e3 * high, -1e6 * np.ones_like(center), 1e15 * high]
    huge = np.full_like(center, 1e308)
    return (
        np.concatenate([rows, np.array([*edges, huge]).astype(rows.dtype)])
        if rows.dtype.kind == "f"
        else rows
    )


def take(rows: Any, positions: Any) -> Any:
    """Some rows of a form."""
    if isinstance(rows, pd.DataFrame | pd.Series):
        return rows.iloc[list(positions)]
    return [rows[position] for position in positions] if isinstance(rows, list) else rows[list(positions)]


def boundary_rows(model: Any, rows: Any, *, pairs: int = 20) -> Any:
    """Rows next to the model's own decision boundary, by bisection between rows of different labels."""
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float64:
        return rows[:0]
    generator = np.random.default_rng(1)
    usable = rows[(np.abs(rows) < 1e6).all(axis=1)]
    try:
        labels = np.asarray(model.predict(usable))
    except Exception:  # of a row among them, whatever it raises
        return rows[:0]
    if labels.ndim > 1 or labels.dtype.kind == "f" or len(np.unique(labels)) < 2:
        return rows[:0]
    first = generator.permutation(len(usable))[:pairs]
    second = [generator.choice(np.flatnonzero(labels != labels[each])) for each in first]
    low, high = usable[first], usable[second]
    for _ in range(60):
        middle = (low + high) / 2
        same = (np.asarray(model.predict(middle)) == labels[first])[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.concatenate([low, high])
