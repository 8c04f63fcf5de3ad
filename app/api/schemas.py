"""Shapes of request bodies. What a row must hold is known by the model, not here."""

from typing import Any

from marshmallow import RAISE, Schema
from marshmallow.fields import Raw

from app.api.formats.fields import RowField, RowsField, Token


class BodySchema(Schema):
    """What every prediction request may carry."""

    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012 # marshmallow declares it so
        "type": "The body must be a JSON object.",
        "unknown": "Unknown field.",
    }

    request_id = Token(metadata={"description": "Returned with the answer and logged."})
    client_id = Token(metadata={"description": "Who asks; logged."})


class PredictSchema(BodySchema):
    """One row."""

    features = RowField(required=True)


class BatchSchema(BodySchema):
    """Several rows."""

    samples = RowsField(required=True)


class TrafficSplitSchema(Schema):
    """Which callers get which version; the core judges the values."""

    class Meta:
        unknown = RAISE

    error_messages = BodySchema.error_messages

    mode = Raw(required=True)
    challenger = Raw()
    percent = Raw()
    shares = Raw()


Body = dict[str, Any]
