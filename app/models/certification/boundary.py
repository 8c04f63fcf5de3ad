"""Rows on the model's own decision boundary, found by bisection between rows of different labels."""

import numpy as np
from numpy.typing import NDArray

from app.models.certification.comparison import Predict, ask
from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows, Table, columns_of, take
from app.models.schema.signature import Feature, InputSignature

ROWS = 1_000
PAIRS = 60
# Halvings after which two float64 numbers of similar magnitude are neighbours.
HALVINGS = 56
KEPT_EVERY = 7
# More than most targets have classes: a boundary between two sums that are equal is not found.
RADIX = 1_009

Moved = list[Feature | None]  # the columns that bisection moves, and None for the others


def boundary_rows(
    predict: Predict, rows: Rows, signature: InputSignature, generator: np.random.Generator
) -> list[Rows]:
    """Pairs of neighbouring rows with different labels, and rows on the way to them.

    Bisection moves only plain numbers; the other values of a pair are those of its first row.

    :returns: parts to append to other rows; none for a model without classes, or with a single label.
    """
    predict = _with_one_label(predict)
    moved = [f if f.kind == "number" and not f.whole else None for f in signature.features]
    tried = take(rows, generator.permutation(len(rows))[:ROWS].tolist())
    tried, reference = ask(predict, tried)
    labels = reference.output.values
    usable = np.flatnonzero(~reference.refused & _finite(tried))
    if labels.dtype.kind == "f" or len(np.unique(labels[usable])) < 2:
        return []
    first = generator.choice(usable, size=PAIRS).tolist()
    second = [int(generator.choice(usable[labels[usable] != labels[row]])) for row in first]
    low = take(tried, first)
    high = _move(low, take(tried, second), moved, share=1.0)
    low_labels = labels[first]
    asked, found = ask(predict, high)
    if len(asked) == len(high):
        apart = ~found.refused & (found.output.values != low_labels)
        low, high, low_labels = _keep(apart, low, high, low_labels)
    return _bisected(predict, low, high, low_labels, moved)


def _with_one_label(predict: Predict) -> Predict:
    """The same with one number for all labels of a row, where a model predicts several."""

    def predict_one(rows: Rows) -> EngineOutput:
        values, probabilities = predict(rows)
        if values.ndim == 2 and values.dtype.kind in "iu":
            values = values @ RADIX ** np.arange(values.shape[1])
        return EngineOutput(values, probabilities)

    return predict_one


def _bisected(
    predict: Predict, low: Rows, high: Rows, low_labels: NDArray[np.intp], moved: Moved
) -> list[Rows]:
    """The pairs moved together as far as the columns' precision goes, and some of the rows between them."""
    kept: list[Rows] = []
    for halving in range(HALVINGS):
        middle = _move(low, high, moved, share=0.5)
        asked, found = ask(predict, middle)
        if len(asked) < len(middle) or found.refused.all():
            break
        if found.refused.any():  # the model rejects rows between some pairs
            low, high, low_labels = _keep(~found.refused, low, high, low_labels)
            continue
        at_low = found.output.values == low_labels
        low, high = _select(at_low, middle, low), _select(at_low, high, middle)
        if halving % KEPT_EVERY == 0:
            kept.append(middle)
    return [part for part in (*kept, low, high) if len(part)]


def _keep(
    mask: NDArray[np.bool_], low: Rows, high: Rows, labels: NDArray[np.intp]
) -> tuple[Rows, Rows, NDArray[np.intp]]:
    positions = np.flatnonzero(mask).tolist()
    return take(low, positions), take(high, positions), labels[positions]


def _like(rows: Rows, columns: list[NDArray[np.float64]]) -> Rows:
    return Table(rows.names, tuple(columns)) if isinstance(rows, Table) else np.column_stack(columns)


def _finite(rows: Rows) -> NDArray[np.bool_]:
    numbers = [np.isfinite(column) for column in columns_of(rows) if column.dtype != object]
    return np.all(numbers, axis=0) if numbers else np.ones(len(rows), dtype=bool)


def _move(low: Rows, high: Rows, moved: Moved, *, share: float) -> Rows:
    """``low``, with the moved columns at ``share`` of the way to ``high``: 0.5 or 1."""
    pairs = zip(columns_of(low), columns_of(high), moved, strict=True)
    return _like(low, [f.rounded(a * (1 - share) + b * share) if f else a for a, b, f in pairs])


def _select(mask: NDArray[np.bool_], chosen: Rows, other: Rows) -> Rows:
    pairs = zip(columns_of(chosen), columns_of(other), strict=True)
    return _like(chosen, [np.where(mask, a, b) for a, b in pairs])
