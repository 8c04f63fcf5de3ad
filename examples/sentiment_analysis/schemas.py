"""Shapes of the request bodies."""

from typing import Any

from flask import current_app
from marshmallow import ValidationError, fields

from app.api.schemas import IdentifiedSchema
from app.exceptions import InvalidInput


class Text(fields.Field[str]):
    """A string that is not blank, of at most ``MAX_TEXT_LENGTH`` characters."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if reason := reason_against(value):
            raise ValidationError(reason)
        return str(value)


class Texts(fields.Field[list[str]]):
    """From 1 to ``MAX_BATCH_SIZE`` such strings."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[str]:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of strings.")
        limit = current_app.config["MAX_BATCH_SIZE"]
        if not 1 <= len(value) <= limit:
            raise ValidationError(f"Must hold 1 to {limit} texts, not {len(value)}.")
        reasons = [(row, reason) for row, text in enumerate(value) if (reason := reason_against(text))]
        if reasons:  # a fact of its own, because marshmallow's has no place for the row
            raise InvalidInput([{"field": attr, "row": row, "reason": reason} for row, reason in reasons])
        return value


class Flag(fields.Field[bool]):
    """True or false, and nothing that only counts as such."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value


class AnalyzeSchema(IdentifiedSchema):
    """One text."""

    text = Text(required=True)
    explain = Flag(load_default=False)


class AnalyzeBatchSchema(IdentifiedSchema):
    """Several texts."""

    texts = Texts(required=True)
    explain = Flag(load_default=False)


def reason_against(value: Any) -> str | None:
    """Why a value is no text to analyse, or None if it is one."""
    if not isinstance(value, str):
        return "Must be a string."
    if not value or value.isspace():
        return "Must not be blank."
    limit = current_app.config["MAX_TEXT_LENGTH"]
    return f"Must have at most {limit} characters, not {len(value)}." if len(value) > limit else None
