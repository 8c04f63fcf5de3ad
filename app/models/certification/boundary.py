"""Rows on the model's own decision boundary, found by bisection between rows of different labels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.models.certification.comparison import ask
from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows, Table, take
from app.models.schema.signature import InputSignature

ROWS = 1_000
PAIRS = 60
# Halvings after which two float64 numbers of like magnitude have no other between them.
HALVINGS = 56
KEPT_EVERY = 7

Predict = Callable[[Rows], EngineOutput]


def boundary_rows(
    predict: Predict, rows: Rows, signature: InputSignature, generator: np.random.Generator
) -> list[Rows]:
    """Pairs of rows that lie next to each other and have different labels, and rows on the way to them.

    Only plain numbers are moved; all else of a pair is that of its first row.

    :param predict: the model's own answers.
    :returns: parts to append to other rows; none for a model without classes, or with one label everywhere.
    """
    moved = [
        feature.numeric and not feature.whole and feature.kind != "boolean" for feature in signature.features
    ]
    tried = take(rows, generator.permutation(len(rows))[:ROWS].tolist())
    tried, reference = ask(predict, tried)
    labels = reference.outcome.values
    usable = np.flatnonzero(~reference.refused & _finite(tried))
    if labels.dtype.kind == "f" or len(np.unique(labels[usable])) < 2:
        return []
    first, second = _pairs(labels, usable, generator)
    low = take(tried, first)
    high = _merge(low, take(tried, second), moved)
    low_labels = labels[first]
    asked, answers = ask(predict, high)
    if len(asked) == len(high):
        apart = ~answers.refused & (answers.outcome.values != low_labels)
        low, high, low_labels = _keep(apart, low, high, low_labels)
    kept: list[Rows] = []
    for halving in range(HALVINGS):
        middle = _middle(low, high, moved)
        asked, answers = ask(predict, middle)
        if len(asked) < len(middle) or answers.refused.all():
            break
        if answers.refused.any():  # a stretch that the model refuses lies between some
            low, high, low_labels = _keep(~answers.refused, low, high, low_labels)
            continue
        at_low = answers.outcome.values == low_labels
        low, high = _select(at_low, middle, low), _select(at_low, high, middle)
        if halving % KEPT_EVERY == 0:
            kept.append(middle)
    return [part for part in (*kept, low, high) if len(part)]


def _pairs(
    labels: NDArray[np.intp], usable: NDArray[np.intp], generator: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Positions of rows of one label, and for each that of a row of another."""
    first = generator.choice(usable, size=PAIRS)
    others = [usable[labels[usable] != labels[position]] for position in first]
    return first.tolist(), [int(generator.choice(each)) for each in others]


def _keep(
    mask: NDArray[np.bool_], low: Rows, high: Rows, labels: NDArray[np.intp]
) -> tuple[Rows, Rows, NDArray[np.intp]]:
    positions = np.flatnonzero(mask).tolist()
    return take(low, positions), take(high, positions), labels[positions]


def _columns(rows: Rows) -> list[NDArray[np.float64]]:
    return list(rows.columns) if isinstance(rows, Table) else list(rows.T)


def _like(rows: Rows, columns: list[NDArray[np.float64]]) -> Rows:
    return Table(rows.names, tuple(columns)) if isinstance(rows, Table) else np.column_stack(columns)


def _finite(rows: Rows) -> NDArray[np.bool_]:
    numbers = [np.isfinite(column) for column in _columns(rows) if column.dtype != object]
    return np.all(numbers, axis=0) if numbers else np.ones(len(rows), dtype=bool)


def _merge(low: Rows, high: Rows, moved: list[bool]) -> Rows:
    pairs = zip(_columns(low), _columns(high), moved, strict=True)
    return _like(low, [b if moves else a for a, b, moves in pairs])


def _middle(low: Rows, high: Rows, moved: list[bool]) -> Rows:
    pairs = zip(_columns(low), _columns(high), moved, strict=True)
    return _like(low, [a / 2 + b / 2 if moves else a for a, b, moves in pairs])


def _select(mask: NDArray[np.bool_], chosen: Rows, other: Rows) -> Rows:
    pairs = zip(_columns(chosen), _columns(other), strict=True)
    return _like(chosen, [np.where(mask, a, b) for a, b in pairs])
