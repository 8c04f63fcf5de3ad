"""The rows on which engines are compared."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.certification.boundary import boundary_rows
from app.models.certification.comparison import Predict
from app.models.certification.thresholds import edge_rows
from app.models.certification.variations import FAR, far_away, variations
from app.models.compilation.tree_graph import has_tree_graph
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix, Rows, concatenate, take
from app.models.schema.signature import InputSignature

TRAINING_ROWS = 5_000
SOME = 200
# All edges go through the estimator; one in so many also goes through the whole model.
EDGES_THROUGH_MODEL = 5


@dataclass(frozen=True)
class ProbeRows:
    """``raw`` rows for the whole model; ``prepared`` rows (n, width), the edges of every tree, for its
    estimator alone. ``edges_raw``: the number of edges among the raw rows."""

    raw: Rows
    prepared: Matrix
    splits_tried: int
    splits_total: int
    edges_raw: int = 0


def collect_probe_rows(
    training: Rows, signature: InputSignature, *, predict: Predict, prepare: Any, invert: Any, estimator: Any
) -> ProbeRows:
    """Training rows, random rows of twice their spread, whole numbers, large numbers, missing values
    if the model takes them, rows between two labels, and rows on every edge of every tree.

    :param training: rows of the training data that fit ``signature``.
    :param predict: the model's own predictions for raw rows.
    :param prepare: from raw rows to the input of ``estimator``.
    :param invert: from prepared rows back to raw ones, to try edges through the whole model; None if the
        transformation has no inverse.
    """
    generator = np.random.default_rng(0)
    known = take(training, generator.permutation(len(training))[:TRAINING_ROWS].tolist())
    raw = concatenate([known, *variations(known, signature, generator)])
    missing = signature.nullable and bool(np.isnan(_prepared(prepare, raw, range(len(raw))[-SOME:])).any())
    raw = concatenate([raw, *boundary_rows(predict, raw, signature, generator)])
    if not has_tree_graph(estimator):  # trees compare their numbers, and round none of them far away
        raw = concatenate([raw, *_far_rows(predict, known, signature, generator)])
    base = _prepared(prepare, known, range(len(known))[:SOME])
    edges, tried, total = edge_rows(estimator, base, missing=missing)
    through_model = _inverted(invert, edges[::EDGES_THROUGH_MODEL])
    if len(through_model):
        raw = concatenate([raw, through_model])
    return ProbeRows(raw, edges, tried, total, len(through_model))


def _far_rows(
    predict: Predict, rows: Rows, signature: InputSignature, generator: np.random.Generator
) -> list[Rows]:
    """Rows up to each magnitude at which an engine may have to answer, and rows between two labels there."""
    found: list[Rows] = []
    for far in FAR:
        away = far_away(rows, far, signature, generator)
        found += [away, *boundary_rows(predict, away, signature, generator)]
    return found


def _inverted(invert: Callable[[Matrix], Matrix] | None, edges: Matrix) -> Matrix:
    """The edges as raw rows; none without an inverse, or if it has none for them, as for one-hot columns."""
    with suppress(Exception):  # a transformer may raise anything
        if invert is not None and len(edges):
            return invert(edges)
    return edges[:0]


def first_prepared(prepare: Callable[[Rows], Matrix], training: Rows) -> Matrix:
    """The first of the training rows that not only the original takes, prepared, (1, width).

    :raises NotCovered: if there is none.
    """
    for position in range(len(training)):
        with suppress(NotCovered):
            return prepare(take(training, [position]))
    raise NotCovered


def _prepared(prepare: Callable[[Rows], Matrix], rows: Rows, positions: Sequence[int]) -> Matrix:
    """The rows at the positions, prepared, without those that only the original takes.

    :raises NotCovered: if there are no others.
    """
    try:
        return prepare(take(rows, positions))
    except NotCovered:
        if len(positions) == 1:
            raise
    parts = []
    for position in positions:
        with suppress(NotCovered):
            parts.append(prepare(take(rows, [position])))
    if not parts:
        raise NotCovered
    return np.vstack(parts)
