"""The body of a request as a JSON object: strict, with exact integers."""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson
from flask import current_app

from app.api.formats import in_turn, read_content
from app.api.formats.body_size import SHORT, STRING, check_values
from app.api.formats.json_codec import MALFORMED, ExactFloat, RoundedInteger
from app.exceptions import InvalidInput
from app.models.schema.cells import describe
from app.models.schema.signature import InputSignature

Document = dict[str, Any]
# Strings, so that what looks like a token in them is left alone, and the tokens of JavaScript.
TOKEN = re.compile(STRING.pattern + rb"|-?\b(?:NaN|Infinity)\b", re.DOTALL)


def load_document(
    decode: Callable[[Document], Document], signature: InputSignature | None, *, tokens: bool = False
) -> Document:
    """What ``decode`` makes of the body, an object; it is called again where integers had been rounded.

    :param tokens: take ``NaN`` for null, and ``Infinity`` for a number that no model takes.
    :raises InvalidInput: if there is no body, or it is no object.
    """
    if not (raw := read_content()):
        raise InvalidInput([], message="No JSON data provided")
    if len(raw) > SHORT and signature is not None:
        check_values(raw, signature, rows=current_app.config["MAX_ROWS"])
    return decode_document(raw, decode, tokens=tokens)


def decode_document(raw: bytes, decode: Callable[[Document], Document], *, tokens: bool = False) -> Document:
    """`load_document` of a body that was read; one that is long in its turn."""

    def decoded() -> Document:
        try:
            return decode(as_object(parse(raw, tokens=tokens)))
        except RoundedInteger:
            return decode(_parse_exactly(raw))

    found: Document = in_turn(raw, decoded)
    return found


def parse(raw: bytes, *, tokens: bool = False) -> Any:
    """Strict JSON, but for tokens that the caller knows; InvalidInput says where it is malformed."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if tokens and (b"NaN" in raw or b"Infinity" in raw):
            return _parse_tokens(raw)
        where = {"line": error.lineno, "column": error.colno, "reason": error.msg.partition(": line")[0]}
        raise InvalidInput([where], message=MALFORMED) from None


def _parse_tokens(raw: bytes) -> Any:
    # By the strict parser first, with a number as long as each token: the standard one takes texts that no
    # answer could repeat.
    parse(TOKEN.sub(lambda found: found[0] if found[0][:1] == b'"' else b"0".ljust(len(found[0])), raw))
    numbers = {b"NaN": b"null", b"-NaN": b"null", b"Infinity": b"1e999", b"-Infinity": b"-1e999"}
    return _parse_exactly(TOKEN.sub(lambda found: numbers.get(found[0], found[0]), raw))


def _parse_exactly(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=ExactFloat)
    except RecursionError:  # it stops at about 1,000 levels, orjson at 1,024
        raise InvalidInput([{"reason": "depth limit exceeded"}], message=MALFORMED) from None


def as_object(value: Any, field: str | None = None) -> Document:
    """:raises InvalidInput: if ``value`` is no object."""
    if not isinstance(value, dict):
        where = {} if field is None else {"field": field}
        raise InvalidInput([{**where, "reason": f"must be an object, not {describe(value)}"}])
    return value
