"""JSON documents of requests: with exact integers, the tokens that a protocol knows, and typed members."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from flask import current_app

from app.api.formats import in_turn, read_content
from app.api.formats.body_size import SHORT, STRING, check_values
from app.api.formats.json_codec import RoundedInteger, parse, parse_exactly
from app.exceptions import InvalidInput
from app.models.schema.cells import describe
from app.models.schema.signature import InputSignature
from app.models.serving.further_outputs import OUTPUTS

Document = dict[str, Any]
T = TypeVar("T")
# Strings, so that what looks like a token in them is left alone, and the tokens of JavaScript. What stands
# before one is looked at behind its first byte: between first bytes that are literal the search is fast.
START = rb"(?<![\w.+-].)"
TOKEN = re.compile(
    rb"%b|N%baN\b|I%bnfinity\b|-%b(?:NaN|Infinity)\b" % (STRING.pattern, START, START, START), re.DOTALL
)
NUMBERS = {b"NaN": b"null", b"-NaN": b"null", b"Infinity": b"1e999", b"-Infinity": b"-1e999"}


def load_document(build: Callable[[Any], T], signature: InputSignature | None, *, tokens: bool = False) -> T:
    """`decoded` of the running request's body, a long one in its turn."""
    raw = read_content()
    found: T = in_turn(raw, lambda: decoded(raw, build, signature, tokens=tokens))
    return found


def decoded(
    raw: bytes, build: Callable[[Any], T], signature: InputSignature | None, *, tokens: bool = False
) -> T:
    """What ``build`` makes of a document; it is called again, with exact integers, where some were rounded.

    :param signature: of the model that the rows are for; it bounds the values, of ``MAX_ROWS`` at most.
    :param tokens: read a bare ``NaN``, which is no JSON, as null, and ``Infinity`` as a number that no model
        takes.
    :raises InvalidInput: if the body is empty or malformed, or holds far too many values.
    """
    if not raw:
        raise InvalidInput([], message="No JSON data provided")
    if len(raw) > SHORT and signature is not None:
        check_values(raw, signature, rows=current_app.config["MAX_ROWS"])
    try:
        document = parse(raw)
    except InvalidInput:
        if not tokens:
            raise
        raw, document = _without_tokens(raw)
    try:
        return build(document)
    except RoundedInteger:
        return build(parse_exactly(raw))


def _without_tokens(raw: bytes) -> tuple[bytes, Any]:
    """A body with numbers and nulls for its tokens, and what it holds."""
    written = TOKEN.sub(lambda found: NUMBERS.get(found[0], found[0]), raw)
    try:
        return written, orjson.loads(written)
    except orjson.JSONDecodeError:
        # Malformed, or Infinity, which the strict parser does not take. What is wrong beside the tokens is
        # found in the client's own places, with a number as long as each.
        parse(TOKEN.sub(lambda found: b"0".ljust(len(found[0])) if found[0] in NUMBERS else found[0], raw))
        return written, parse_exactly(written, number=float)


def as_object(value: Any) -> Document:
    """:raises InvalidInput: if a document is no object."""
    if not isinstance(value, dict):
        raise InvalidInput([{"reason": f"must be an object, not {describe(value)}"}])
    return value


def member(document: Document, name: str, kind: type, noun: str, *, field: str = "") -> Any:
    """A member of an object, None if it is absent or null.

    :param field: what stands before its name in an error.
    :raises InvalidInput: if it is of another kind.
    """
    value = document.get(name)
    if value is not None and type(value) is not kind:
        reason = f"must be {noun}, not {describe(value)}"
        raise InvalidInput([{"field": f"{field}{name}", "reason": reason}])
    return value


def check_output(name: Any, field: str) -> str:
    """:raises InvalidInput: if no output of a model has that name."""
    if name not in OUTPUTS:
        raise InvalidInput([{"field": field, "reason": f"must be one of {', '.join(OUTPUTS)}"}])
    return str(name)


def in_context(row: int, example: Any, context: Document) -> Any:
    """An example with the members that all examples share; InvalidInput if it has one of them too."""
    if not isinstance(example, dict):
        raise InvalidInput([{"field": "examples", "row": row, "reason": "must be an object"}])
    if both := context.keys() & example.keys():
        reason = "stands in context too"
        raise InvalidInput([{"field": "examples", "row": row, "name": min(both)[:64], "reason": reason}])
    return {**context, **example}
