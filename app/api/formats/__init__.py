"""Formats of bodies: bytes to rows, and a prediction to bytes, by a codec per media type."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from flask import current_app, request
from werkzeug.exceptions import UnsupportedMediaType

from app.api.formats.body_size import ROOM, SHORT
from app.api.formats.json_codec import Json
from app.exceptions import InvalidInput
from app.middleware.load_shedding import SHEDDER_EXTENSION
from app.middleware.logging.request_log import note_caller
from app.models.prediction import Prediction
from app.models.schema.signature import InputSignature

if TYPE_CHECKING:  # schemas are made of the codecs' fields
    from app.api.schemas import Body, BodySchema


class Codec(Protocol):
    """One format of prediction requests and their answers."""

    def decode(self, raw: bytes, schema: "BodySchema", signature: InputSignature | None) -> "Body":
        """A body as ``schema`` loads it: ``rows``, and ``request_id`` and ``client_id`` if it has them.

        :param schema: names the field of the rows, ``rows_field``, and judges what it holds.
        :param signature: of the model that the rows are for, or None if none is loaded.
        :raises InvalidInput: if it is malformed, or does not fit ``schema``.
        """

    def encode(
        self, prediction: Prediction, envelope: dict[str, Any], *, single: bool, rejected: dict[int, Any]
    ) -> bytes:
        """The body of the answer.

        :param envelope: what to say besides the rows, ready for JSON.
        :param single: one row was asked for, as one.
        :param rejected: errors of rows that were not predicted, by position.
        """


CODECS: dict[str, Codec] = {
    "application/json": Json(),
}
# Formats of bodies that hold something else than rows.
DOCUMENTS: dict[str, Codec] = {"application/json": CODECS["application/json"]}


def load_body(
    schema: "BodySchema", signature: InputSignature | None = None, *, codecs: Mapping[str, Codec] = CODECS
) -> "tuple[str, Body]":
    """Read, decode and validate the body, and log the ids that the client gave.

    :param signature: of the model that it is for, if it is for one: then it may be as long as
        ``MAX_BATCH_SIZE`` rows can be, where ``MAX_CONTENT_LENGTH`` is not set.
    :returns: its media type, a key of ``codecs``, and what ``schema`` loaded.
    :raises InvalidInput: if there is none, it is malformed, or it does not fit ``schema``.
    :raises UnsupportedMediaType: if it is declared to be of another type, or compressed.
    :raises RequestEntityTooLarge: if it is too long.
    """
    config = current_app.config
    current = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
    current.max_content_length = config["MAX_CONTENT_LENGTH"]
    if signature is not None and config["BODY_FOLLOWS_MODEL"]:
        longest = max(SHORT, ROOM + config["MAX_BATCH_SIZE"] * signature.row_bytes)
        current.max_content_length = min(current.max_content_length, longest)
    raw = current.get_data(cache=False)
    if not raw:
        raise InvalidInput([], message="No JSON data provided")
    media_type = current.environ.get("CONTENT_TYPE", "")
    if media_type not in codecs or "HTTP_CONTENT_ENCODING" in current.environ:
        media_type = _accepted(media_type, current.environ.get("HTTP_CONTENT_ENCODING", ""), codecs)
    if len(raw) <= SHORT:
        body = codecs[media_type].decode(raw, schema, signature)
    else:
        body = _decode_in_turn(codecs[media_type], raw, schema, signature)
    if "request_id" in body or "client_id" in body:
        note_caller(body)  # now, so that they are logged whatever becomes of the request
    return media_type, body


def _decode_in_turn(
    codec: Codec, raw: bytes, schema: "BodySchema", signature: InputSignature | None
) -> "Body":
    """Decode a long body; the turn lasts until its rows are an array, or the request ends."""
    shedder, environ = current_app.extensions[SHEDDER_EXTENSION], request.environ
    shedder.begin_turn(environ)
    body = codec.decode(raw, schema, signature)
    if isinstance(body.get("rows"), np.ndarray):
        shedder.end_turn(environ)
    return body


def load_document(schema: "BodySchema") -> "Body":
    """`load_body` of a body without rows."""
    return load_body(schema, codecs=DOCUMENTS)[1]


def _accepted(content_type: str, codings: str, codecs: Mapping[str, Codec]) -> str:
    """The media type without parameters, and with a structured suffix as what it stands for:
    ``application/x+json`` is ``application/json``."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("application/") and "+" in media_type:
        media_type = f"application/{media_type.rpartition('+')[2]}"
    compressed = any(coding.strip().lower() not in ("", "identity") for coding in codings.split(","))
    if compressed or media_type not in codecs:
        raise UnsupportedMediaType(f"The request body must be {' or '.join(codecs)}, not compressed")
    return media_type
