"""The rows on which engines are compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.certification.thresholds import edge_rows
from app.models.rows import Matrix, Rows, Table, take
from app.models.signature import InputSignature

RANDOM_ROWS = 5_000
TRAINING_ROWS = 5_000
LARGE = 1e6
SOME = 200
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
# Of the edges, which all go through the estimator, one in so many goes through the whole model too.
EDGES_THROUGH_MODEL = 5


@dataclass(frozen=True)
class Evidence:
    """``raw`` rows go through the whole model; ``prepared`` rows (n, width), the edges of every tree,
    through its estimator alone. ``edges_raw``: how many of the edges are among the raw rows too."""

    raw: Rows
    prepared: Matrix
    splits_tried: int
    splits_total: int
    edges_raw: int = 0

    def __len__(self) -> int:
        return len(self.raw) + len(self.prepared)


def gather(
    training: Rows,
    signature: InputSignature,
    *,
    prepare: Any,
    invert: Any,
    estimator: Any,
) -> Evidence:
    """Training rows, random rows of twice their spread, whole numbers, large numbers, missing values
    where the model takes them, and rows on every edge of every tree.

    :param training: rows of the training data that conform to ``signature``.
    :param prepare: raw rows to what ``estimator`` takes.
    :param invert: prepared rows back to raw ones, so that edges are tried through the whole model too;
        None where the transformation has no inverse.
    """
    generator = np.random.default_rng(0)
    chosen = generator.permutation(len(training))[:TRAINING_ROWS]
    known = take(training, chosen.tolist())
    raw = _concatenate([known, *_variations(known, signature, generator)])
    base = prepare(take(known, range(len(known))[:SOME]))
    missing = signature.nullable and bool(np.isnan(prepare(take(raw, range(len(raw))[-SOME:]))).any())
    edges, tried, total = edge_rows(estimator, base, missing=missing)
    through_model = edges[::EDGES_THROUGH_MODEL] if invert is not None else edges[:0]
    if invert is not None and len(through_model):
        raw = _concatenate([raw, invert(through_model)])
    return Evidence(raw, edges, tried, total, len(through_model))


def _variations(rows: Rows, signature: InputSignature, generator: np.random.Generator) -> list[Rows]:
    if isinstance(rows, Table):
        return [_shuffled(rows, signature, generator)]
    centre, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
    noise = generator.normal(size=(RANDOM_ROWS, rows.shape[1]))
    varied = [centre + 2 * spread * noise, np.round(centre + 2 * spread * noise[:1000]), LARGE * noise[:200]]
    nullable = np.array([feature.nullable for feature in signature.features])
    if nullable.any():
        holes = generator.random(noise.shape) < 0.2
        varied.append(np.where(holes & nullable, np.nan, varied[0]))
    return varied


def _shuffled(table: Table, signature: InputSignature, generator: np.random.Generator) -> Table:
    """Columns drawn independently, numbers spread out, with values missing and categories never seen."""
    columns = []
    for feature, column in zip(signature.features, table.columns, strict=True):
        drawn = generator.choice(column, size=RANDOM_ROWS)
        hit = generator.random(len(drawn)) < 0.1
        if feature.kind == "text":
            drawn[hit] = generator.choice(ODD_TEXTS, size=int(hit.sum()))
            columns.append(drawn)
            continue
        if feature.kind == "number":
            drawn = drawn + 2 * np.nanstd(column) * generator.normal(size=len(drawn))
            columns.append(np.where(hit & feature.nullable, np.nan, drawn))
            continue
        unseen = "never seen in training" if feature.open else None
        if feature.nullable or unseen:
            drawn[hit] = unseen
        if feature.nullable:
            drawn[generator.random(len(drawn)) < 0.1] = None
        columns.append(drawn)
    return Table(table.names, tuple(columns))


def _concatenate(parts: list[Rows]) -> Rows:
    if not isinstance(parts[0], Table):
        return np.concatenate([part for part in parts if not isinstance(part, Table)])
    tables = [part for part in parts if isinstance(part, Table)]
    columns = zip(*(table.columns for table in tables), strict=True)
    return Table(parts[0].names, tuple(map(np.concatenate, columns)))
