"""Shapes of request bodies and queries. What a row must hold is known by the model, not here."""

import re
from typing import Any, ClassVar, NoReturn

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from app.api.answer_schemas import Component
from app.api.formats.decoding import EXTRA
from app.api.formats.json_codec import LAYOUTS, RowField, RowsField
from app.exceptions import InvalidInput
from app.models.schema.cells import shown
from app.models.serving.served_model import DEFAULT

# No controls, spaces but the usual one, marks of format, private characters or those beyond all scripts; in
# words that JSON Schema has too.
PRINTABLE = re.compile(
    r"[^\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U0010ffff]{1,128}"
)
WAIT = ("true", "false")
ERRORS = ("rows", "request")

NOT_NULL = {"type": ["string", "number", "boolean", "array", "object"]}
VERSION = {"type": "string", "pattern": r"^\.*[A-Za-z0-9_-][A-Za-z0-9._-]*$", "maxLength": 64}
PERCENT = {"type": "number", "minimum": 0, "maximum": 100}
SHARES = {"type": "object", "minProperties": 1, "propertyNames": VERSION, "additionalProperties": PERCENT}

Body = dict[str, Any]  # what a schema loads: values by field, the rows as ``rows``


class Token(fields.String):
    """A short identifier that is safe to echo and to log: 1 to 128 printable characters."""

    def __init__(self, *, description: str) -> None:
        super().__init__(metadata={"pattern": f"^{PRINTABLE.pattern}$", "description": description})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not PRINTABLE.fullmatch(text):
            raise ValidationError("Must be 1 to 128 printable characters.")
        return text


class Count(fields.Integer):
    """A whole number from 1 on; 5.0 is one too, as in JSON Schema."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if type(value) not in (int, float) or value < 1 or value % 1:
            raise ValidationError("Must be a whole number from 1 on.")
        return int(value)


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

    request_id = Token(description="Returned with the answer and logged.")
    client_id = Token(description="The client; logged, and the key of sticky routing.")


class PredictSchema(IdentifiedSchema):
    """One row."""

    rows_field = "features"
    features = RowField(required=True, attribute="rows")
    explain = Count(
        metadata={"minimum": 1, "description": "How many columns an explanation of the answer names."}
    )


class BatchSchema(IdentifiedSchema):
    """Several rows."""

    rows_field = "samples"
    samples = RowsField(required=True, attribute="rows")


class ModelQuery(Schema):
    """The model that is meant, by default the default one."""

    model = fields.String(metadata={"example": DEFAULT})


class WaitQuery(ModelQuery):
    wait = fields.String(
        validate=validate.OneOf(WAIT), metadata={"description": "Answer once all workers follow."}
    )


class RowQuery(Schema):
    outputs = Component("OutputNames")


class InvocationQuery(RowQuery):
    errors = fields.String(
        validate=validate.OneOf(ERRORS), metadata={"description": "`rows` answers the rows without faults."}
    )
    extra = fields.String(
        validate=validate.OneOf(EXTRA),
        metadata={"description": "Columns that the model does not know, in tables."},
    )


def _mode(mode: str, **members: Any) -> dict[str, Any]:
    properties = {"mode": {"const": mode}, **members}
    return {"properties": properties, "required": list(properties)}


class BatchQuery(InvocationQuery):
    format = fields.String(
        validate=validate.OneOf(tuple(LAYOUTS)), metadata={"description": "Of an answer in JSON."}
    )


class TrafficSplitSchema(BodySchema):
    """Traffic split; the core judges the values."""

    conditions: ClassVar[dict[str, Any]] = {
        "oneOf": [
            _mode("off"),
            _mode("canary", challenger=VERSION, percent=PERCENT),
            _mode("shadow", challenger=VERSION),
            _mode("ab", shares={"$ref": "#/components/schemas/Shares"}),
        ]
    }

    mode = fields.Raw(required=True)
    challenger = fields.Raw(metadata=NOT_NULL)
    percent = fields.Raw(metadata=NOT_NULL)
    shares = fields.Raw(metadata=NOT_NULL)
