"""The rows on which engines are compared."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.certification.boundary import boundary_rows
from app.models.certification.comparison import Predict
from app.models.certification.thresholds import edge_rows
from app.models.engines.kernel import LARGEST
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix, Rows, Table, concatenate, take
from app.models.schema.signature import Feature, InputSignature

RANDOM_ROWS = 5_000
TRAINING_ROWS = 5_000
LARGE = 1e6
SOME = 200
UNSEEN = "never seen in training"
ODD_TEXTS = (
    "",
    " ",
    "!!!",
    "naïve über İstanbul ß",
    "word " * 300,
    "don't can't it's",
    "日本語 text_1",
    "\t\n a\x00b",
)
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
    base = _prepared(prepare, known, range(len(known))[:SOME])
    edges, tried, total = edge_rows(estimator, base, missing=missing)
    through_model = _inverted(invert, edges[::EDGES_THROUGH_MODEL])
    if len(through_model):
        raw = concatenate([raw, through_model])
    return ProbeRows(raw, edges, tried, total, len(through_model))


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


def variations(rows: Rows, signature: InputSignature, generator: np.random.Generator) -> list[Rows]:
    """Rows unlike the given ones that fit the signature: spread out, rounded, large, with missing values and
    unseen categories if the model takes them."""
    if isinstance(rows, Table):
        return [_shuffled(rows, signature, generator)]
    center, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    noise = generator.normal(size=(RANDOM_ROWS, rows.shape[1]))
    magnitudes = 10 ** generator.uniform(np.log10(LARGE), np.log10(LARGEST), size=(100, 1))
    varied = [
        center + 2 * spread * noise,
        np.round(center + 2 * spread * noise[:1000]),
        LARGE * noise[:200],
        np.clip(magnitudes * noise[:100], -LARGEST, LARGEST),
    ]
    nullable = np.array([feature.nullable for feature in signature.features])
    if nullable.any():
        holes = generator.random(noise.shape) < 0.2
        varied.append(np.where(holes & nullable, np.nan, varied[0]))
    if signature.plain:
        return list(varied)
    return [
        np.column_stack([validated(c, f) for c, f in zip(each.T, signature.features, strict=True)])
        for each in varied
    ]


def validated(column: Matrix, feature: Feature) -> Matrix:
    """Numbers in the column's domain: whole, zeros and ones, or of single precision."""
    if feature.kind == "boolean":
        return np.where(np.isnan(column), column, (column > 0.5).astype(np.float64))
    if feature.whole:
        return np.round(column)
    return feature.rounded(column)


def _shuffled(table: Table, signature: InputSignature, generator: np.random.Generator) -> Table:
    """Columns drawn independently, numbers spread out, with missing values and unseen categories."""
    columns = []
    for feature, column in zip(signature.features, table.columns, strict=True):
        drawn = generator.choice(column, size=RANDOM_ROWS)
        hit = generator.random(len(drawn)) < 0.1
        if feature.kind == "text":
            drawn[hit] = generator.choice(ODD_TEXTS, size=int(hit.sum()))
            columns.append(drawn)
            continue
        if feature.numeric:
            drawn = validated(drawn + 2 * np.nanstd(column) * generator.normal(size=len(drawn)), feature)
            columns.append(np.where(hit & feature.nullable, np.nan, drawn))
            continue
        if feature.open and (unseen := unseen_label(feature)) is not None:
            drawn[hit] = unseen
        if feature.nullable:
            drawn[generator.random(len(drawn)) < 0.1] = None
        columns.append(drawn)
    return Table(table.names, tuple(columns))


def unseen_label(feature: Feature) -> str | float | None:
    """A label of the categories' kind that is not among them, or None."""
    if not feature.categories or any(isinstance(label, str) for label in feature.categories):
        return UNSEEN
    if any(isinstance(label, bool) for label in feature.categories):
        return None
    return max(feature.categories) + 1  # type: ignore[operator] # only numbers are left
