"""Shapes of request bodies. What a row must hold is known by the model, not here."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar, NoReturn

from flask import current_app
from marshmallow import RAISE, Schema, ValidationError, fields

from app.exceptions import InvalidInput
from app.models.schema.cells import shown
from app.models.schema.validation import RawRows, numeric_matrix

Body = dict[str, Any]  # what a schema loads: values by field, the rows as ``rows``

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
        matrix = numeric_matrix([value]) if type(value) is list else None
        return _exact([value]) if matrix is None else matrix


class RowsField(fields.Field[RawRows]):
    """From 1 to ``MAX_BATCH_SIZE`` rows; numbers become a float64 array (n, d)."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> RawRows:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of rows.")
        limit = current_app.config["MAX_BATCH_SIZE"]
        if not 1 <= len(value) <= limit:
            raise ValidationError(f"Must hold 1 to {limit} rows, not {len(value)}.")
        matrix = numeric_matrix(value) if set(map(type, value)) == {list} else None
        return _exact(value) if matrix is None else matrix


class Token(fields.String):
    """A short identifier that is safe to echo and to log: 1 to 128 printable characters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not (1 <= len(text) <= 128 and text.isprintable()):
            raise ValidationError("Must be 1 to 128 printable characters.")
        return text


class BodySchema(Schema):
    """An object of known fields. Loading raises `InvalidInput`.

    ``rows_field``: the field that holds the rows of a prediction request, and loads as ``rows``.
    """

    rows_field: ClassVar[str]

    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012 # marshmallow declares it so
        "type": "The body must be a JSON object.",
        "unknown": "Unknown field.",
    }

    def handle_error(self, error: ValidationError, data: Any, **kwargs: Any) -> NoReturn:
        """Called by marshmallow with all errors of a body."""
        raise InvalidInput(
            [
                ({} if field == "_schema" else {"field": shown(field)}) | {"reason": " ".join(reasons)}
                for field, reasons in error.messages_dict.items()
            ]
        )


class IdentifiedSchema(BodySchema):
    """What every prediction request may carry."""

    request_id = Token(metadata={"description": "Returned with the answer and logged."})
    client_id = Token(metadata={"description": "The client; logged, and the key of sticky routing."})


class PredictSchema(IdentifiedSchema):
    """One row."""

    rows_field = "features"
    features = RowField(required=True, attribute="rows")


class BatchSchema(IdentifiedSchema):
    """Several rows."""

    rows_field = "samples"
    samples = RowsField(required=True, attribute="rows")


class TrafficSplitSchema(BodySchema):
    """Which clients get which version; the core judges the values."""

    mode = fields.Raw(required=True)
    challenger = fields.Raw()
    percent = fields.Raw()
    shares = fields.Raw()


def _exact(values: list[Any]) -> list[Any]:
    """The rows, unless the parser may have rounded an integer of theirs."""
    cells = chain.from_iterable(row.values() if isinstance(row, Mapping) else _items(row) for row in values)
    if any(type(cell) is float and abs(cell) >= ROUNDING_STARTS for cell in cells):
        raise RoundedInteger
    return values


def _items(row: Any) -> list[Any]:
    return row if isinstance(row, list) else []
