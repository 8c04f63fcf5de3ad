"""From the bytes of a request to a validated body."""

import json
from typing import Any

import orjson
from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from app.api.formats.body_size import body_limit, check_values
from app.api.formats.fields import ExactFloat, RoundedInteger
from app.exceptions import InvalidInput
from app.middleware.logging.request_record import note_caller
from app.models.schema.cells import shown
from app.models.schema.signature import InputSignature


def load_body(schema: Schema, signature: InputSignature | None = None) -> dict[str, Any]:
    """Read, parse and validate the JSON body of the current request, and log who sent it.

    :param signature: of the model that it is for, if it is for one.
    :raises InvalidInput: if there is none, it is not JSON, or does not fit ``schema``.
    :raises UnsupportedMediaType: if it is declared to be something else than JSON, or compressed.
    :raises RequestEntityTooLarge: if it is longer than `body_limit`.
    """
    asked = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
    asked.max_content_length = body_limit(signature)
    raw = asked.get_data(cache=False)
    if not raw:
        raise InvalidInput([], message="No JSON data provided")
    if not asked.is_json or is_compressed(asked.environ.get("HTTP_CONTENT_ENCODING", "")):
        raise UnsupportedMediaType
    check_values(raw, signature)
    try:
        body = _load(schema, raw)
    except ValidationError as error:
        raise InvalidInput(_flatten(error.messages_dict)) from None
    note_caller(body)  # now, so that it is logged whatever becomes of the request
    return body


def is_compressed(codings: str) -> bool:
    """Whether a ``Content-Encoding`` names a coding that changes anything."""
    return any(coding.strip().lower() not in ("", "identity") for coding in codings.split(","))


def _load(schema: Schema, raw: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = {
            "line": error.lineno,
            "column": error.colno,
            "reason": error.msg.partition(": line")[0],
        }
        raise InvalidInput([where], message="The body is not valid JSON") from None
    try:
        body: dict[str, Any] = schema.load(document)
    except RoundedInteger:
        # orjson reads integers below -2**63 and from 2**64 as floats; the standard parser keeps them apart.
        try:
            document = json.loads(raw, parse_float=ExactFloat)
        except RecursionError:  # it stops at about 1,000 levels, orjson at 1,024
            raise InvalidInput(
                [{"reason": "depth limit exceeded"}], message="The body is not valid JSON"
            ) from None
        body = schema.load(document)
    return body


def _flatten(messages: dict[str, Any]) -> list[dict[str, str]]:
    return [
        ({} if field == "_schema" else {"field": shown(field)}) | {"reason": " ".join(reasons)}
        for field, reasons in messages.items()
    ]
