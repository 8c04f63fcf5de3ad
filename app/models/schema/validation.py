"""Validation of rows against the model's signature: as a matrix at once, or value by value."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.exceptions import InvalidInput
from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.column_arrays import Columns
from app.models.schema.row_validator import RowValidator, precise
from app.models.schema.rows import Matrix, Rows
from app.models.schema.signature import InputSignature

RawRows = Matrix | Columns | Sequence[Sequence[Any] | Mapping[str, Any]]

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


def validate_rows(rows: RawRows, signature: InputSignature, *, field: str = "features") -> Rows:
    """Return ``rows`` in the form of an engine's input.

    :param rows: a float64 array (n, d), columns, or n lists in training order or mappings by column name.
    :param field: the request's name for the rows, used in the errors.
    :raises InvalidInput: with field, row, position, column and reason of up to 100 faults.
    """
    if (
        isinstance(rows, np.ndarray)
        and signature.numeric
        and rows.dtype.kind == "f"
        and rows.ndim == 2
        and rows.shape[1] == len(signature.features)
        and rows.size
        and (type(rows) is FiniteMatrix or np.isfinite(rows).all())
        and (signature.plain or _fits(rows, signature))
    ):
        matrix = np.asarray(rows, dtype=np.float64)
        return matrix if signature.plain else precise(matrix, signature)
    if not len(rows):
        raise InvalidInput([{"field": field, "reason": "must hold at least one row"}])
    validator = RowValidator(signature, field)
    return validator.validate_columns(rows) if isinstance(rows, Columns) else validator.validate_rows(rows)


def _fits(rows: Matrix, signature: InputSignature) -> bool:
    """True if finite numbers fit columns of whole numbers and of truth values."""
    for feature, column in zip(signature.features, rows.T, strict=True):
        if feature.kind == "boolean" and not np.isin(column, (0.0, 1.0)).all():
            return False
        if feature.whole and (column != np.floor(column)).any():
            return False
    return True
