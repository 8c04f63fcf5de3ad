"""Matrices of numbers: from lists, and as a model's columns take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.rows import Matrix
from app.models.schema.signature import InputSignature

NUMERIC_TYPES = frozenset((int, float))


class FiniteMatrix(np.ndarray[tuple[Any, ...], np.dtype[np.float64]]):
    """A matrix whose numbers `numeric_matrix` found to be finite, so that nothing checks them again."""


def numeric_matrix(rows: Sequence[Sequence[Any]]) -> FiniteMatrix | None:
    """Convert rows of plain numbers into a float64 array (n, d) at once.

    None for rows of different lengths, or any value but a finite number within 2**53: `validate_rows` then
    names the fault.
    """
    for row in rows:
        if not NUMERIC_TYPES.issuperset(map(type, row)):
            return None
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (ValueError, OverflowError):
        return None
    # One comparison excludes NaN, infinity and large integers.
    if matrix.ndim == 2 and matrix.size and np.abs(matrix).max() < EXACT_INTEGER:
        return matrix.view(FiniteMatrix)
    return None


def fits(rows: Matrix, signature: InputSignature) -> bool:
    """True if finite numbers fit columns of whole numbers and of truth values."""
    for feature, column in zip(signature.features, rows.T, strict=True):
        if feature.kind == "boolean" and not np.isin(column, (0.0, 1.0)).all():
            return False
        if feature.whole and (column != np.floor(column)).any():
            return False
    return True


def precise(rows: Matrix, signature: InputSignature) -> Matrix:
    """The numbers rounded to the precision of the model's columns."""
    if signature.plain or not any(feature.precision for feature in signature.features):
        return rows
    columns = zip(signature.features, rows.T, strict=True)
    return np.column_stack([feature.rounded(column) for feature, column in columns])
