"""Marshmallow fields for rows of input: a list becomes an array at once, not value by value."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

from flask import current_app
from marshmallow import ValidationError, fields

from app.models.schema.validation import RawRows, numeric_matrix

ROUNDING_STARTS = 2.0**63


class RoundedInteger(Exception):
    """The parser may have turned an integer into the nearest float; parse the body again, exactly."""


class ExactFloat(float):
    """A float that was written as one, as the exact parser returns it."""


class RowField(fields.Field[RawRows]):
    """One row, a list in training order or an object by column name, as one-row `RawRows`.

    Plain numbers become a float64 array (1, d). Anything else is passed on as it is for the model's
    own check, which knows the columns and names what does not fit.
    """

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> RawRows:
        if not isinstance(value, list | dict):
            raise ValidationError("Must be a list of values or an object by feature name.")
        if not value:
            raise ValidationError("Must not be empty.")
        return _as_rows([value])


class RowsField(fields.Field[RawRows]):
    """From 1 to ``MAX_BATCH_SIZE`` rows; numbers become a float64 array (n, d)."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> RawRows:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of rows.")
        limit = current_app.config["MAX_BATCH_SIZE"]
        if not 1 <= len(value) <= limit:
            raise ValidationError(f"Must hold 1 to {limit} rows, not {len(value)}.")
        return _as_rows(value)


class Token(fields.String):
    """A short identifier that is safe to echo and to log: 1 to 128 printable characters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not (1 <= len(text) <= 128 and text.isprintable()):
            raise ValidationError("Must be 1 to 128 printable characters.")
        return text


def _as_rows(values: list[Any]) -> RawRows:
    if type(values[0]) is list and all(type(row) is list for row in values):
        matrix = numeric_matrix(values)
        if matrix is not None:
            return matrix
    cells = chain.from_iterable(row.values() if isinstance(row, Mapping) else _items(row) for row in values)
    if any(type(cell) is float and abs(cell) >= ROUNDING_STARTS for cell in cells):
        raise RoundedInteger
    return values


def _items(row: Any) -> list[Any]:
    return row if isinstance(row, list) else []
