"""Shapes of request bodies. What a row must hold is known by the model, not here."""

from typing import Any, ClassVar, NoReturn

from marshmallow import RAISE, Schema, ValidationError, fields

from app.api.formats.json_codec import RowField, RowsField
from app.exceptions import InvalidInput
from app.models.schema.cells import shown

Body = dict[str, Any]  # what a schema loads: values by field, the rows as ``rows``


class Token(fields.String):
    """A short identifier that is safe to echo and to log: 1 to 128 printable characters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not (1 <= len(text) <= 128 and text.isprintable()):
            raise ValidationError("Must be 1 to 128 printable characters.")
        return text


class Count(fields.Integer):
    """A whole number from 1 on, written as one."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if type(value) is not int or value < 1:
            raise ValidationError("Must be a whole number from 1 on.")
        return value


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
    """Identifiers that every prediction request may carry."""

    request_id = Token(metadata={"description": "Returned with the answer and logged."})
    client_id = Token(metadata={"description": "The client; logged, and the key of sticky routing."})


class PredictSchema(IdentifiedSchema):
    """One row."""

    rows_field = "features"
    features = RowField(required=True, attribute="rows")
    explain = Count(metadata={"description": "How many columns an explanation of the answer names."})


class BatchSchema(IdentifiedSchema):
    """Several rows."""

    rows_field = "samples"
    samples = RowsField(required=True, attribute="rows")


class TrafficSplitSchema(BodySchema):
    """Traffic split; the core judges the values."""

    mode = fields.Raw(required=True)
    challenger = fields.Raw()
    percent = fields.Raw()
    shares = fields.Raw()
