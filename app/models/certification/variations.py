"""Rows unlike the training data that fit its signature."""

import numpy as np

from app.models.engines.kernel import LARGEST
from app.models.schema.rows import Matrix, Rows, Table, columns_of, take
from app.models.schema.signature import Feature, InputSignature

RANDOM_ROWS = 5_000
FAR_ROWS = 500
LARGE = 1e6
# Times the largest magnitude in training. An engine answers up to the first of these at which it equals the
# model, and beyond that the model itself predicts. Within the last one are most random rows: a smaller one
# would leave the rows to the model that show a fault.
FAR = (1e6, 1e4, 1e2, 10.0, 2.0)
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


def far_away(rows: Rows, far: float, signature: InputSignature, generator: np.random.Generator) -> Rows:
    """Rows whose numbers are up to ``far`` times the largest of their column, with other values as given."""
    drawn = take(rows, generator.integers(len(rows), size=FAR_ROWS).tolist())
    columns = [
        validated(far * largest * generator.uniform(-1.0, 1.0, size=FAR_ROWS), feature)
        if feature.kind == "number"
        else column
        for column, largest, feature in zip(
            columns_of(drawn), usual_magnitudes(rows), signature.features, strict=True
        )
    ]
    return Table(drawn.names, tuple(columns)) if isinstance(drawn, Table) else np.column_stack(columns)


def usual_magnitudes(training: Rows) -> tuple[float, ...]:
    """The largest magnitude in each column; for a column of zeros or labels, in all columns."""
    largest = [
        0.0 if column.dtype == object else float(np.nanmax(np.abs(column), initial=0.0))
        for column in columns_of(training)
    ]
    return tuple(each or max(largest) or 1.0 for each in largest)
