"""Formats of bodies: from bytes to rows, by a decoder for each media type, and back by what is accepted."""

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import current_app, request
from werkzeug.exceptions import UnsupportedMediaType

from app.api.formats import json_codec
from app.api.formats.body_size import ROOM, SHORT
from app.api.formats.content_coding import inflated
from app.api.formats.decoding import decoding_of_request, ignores_extra
from app.exceptions import InvalidInput
from app.middleware.load_shedding import SHEDDER_EXTENSION
from app.middleware.logging.request_log import note_caller
from app.models.schema.column_arrays import Columns
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows

if TYPE_CHECKING:  # schemas are made of the codecs' fields
    from app.api.schemas import Body, BodySchema

JSON = "application/json"
# Decoders of rows by media type, imported when the first such body comes.
DECODERS: Mapping[str, str] = {
    "application/x-ndjson": "app.api.formats.ndjson_codec:decode",
    "text/csv": "app.api.formats.csv_codec:decode",
    "application/vnd.apache.parquet": "app.api.formats.arrow_codec:decode_parquet",
    "application/vnd.apache.arrow.stream": "app.api.formats.arrow_codec:decode_stream",
    "application/vnd.apache.arrow.file": "app.api.formats.arrow_codec:decode_file",
    "application/x-npy": "app.api.formats.npy_codec:decode",
}
# Other names that clients have for them.
SYNONYMS = {
    "application/jsonl": "application/x-ndjson",
    "application/jsonlines": "application/x-ndjson",
    "application/ndjson": "application/x-ndjson",
    "application/csv": "text/csv",
    "application/x-parquet": "application/vnd.apache.parquet",
    "application/parquet": "application/vnd.apache.parquet",
}


def load_body(schema: "BodySchema", signature: InputSignature | None = None) -> "Body":
    """Read, decode and validate a body of JSON, and log the ids that the client gave.

    :param signature: of the model that it is for, if it is for one.
    :returns: what ``schema`` loaded.
    :raises InvalidInput: if there is none, it is malformed, or it does not fit ``schema``.
    :raises UnsupportedMediaType: if it is declared to be of another type.
    :raises RequestEntityTooLarge: if it is too long.
    """
    return _load_json(schema, signature, (JSON,))


def load_rows(schema: "BodySchema", signature: InputSignature | None) -> "Body":
    """`load_body` of rows in any format; those that are no JSON may be up to ``MAX_ROWS``."""
    if (media_type := _media_type()) in DECODERS:
        return {"rows": decode_rows(media_type, signature)}
    if request.environ.get("QUERY_STRING"):
        ignores_extra()  # it means nothing in JSON, and may still not be just anything
    return _load_json(schema, signature, (JSON, *DECODERS))


def decode_rows(media_type: str, signature: InputSignature | None) -> RawRows:
    """The rows of a body that is no JSON.

    :param media_type: a key of `DECODERS`.
    :raises UnsupportedMediaType: if the library that reads it is not installed.
    """
    decode = resolved(DECODERS[media_type])
    decoding = decoding_of_request(signature)
    if not (raw := read_content()):
        raise InvalidInput([], message="No rows provided")
    rows: RawRows = in_turn(raw, lambda: decode(raw, decoding))
    return rows


def _load_json(schema: "BodySchema", signature: InputSignature | None, accepted: tuple[str, ...]) -> "Body":
    if not (raw := read_content(signature)):
        raise InvalidInput([], message="No JSON data provided")
    check_media_type(accepted)  # after the body, which may not be HTTP
    body: Body = in_turn(raw, lambda: json_codec.decode(raw, schema, signature))
    if "request_id" in body or "client_id" in body:
        note_caller(body)  # now, so that they are logged whatever becomes of the request
    return body


def read_content(signature: InputSignature | None = None) -> bytes:
    """The body, inflated.

    :param signature: of the model that it holds rows for in JSON, ``MAX_BATCH_SIZE`` at most: then it may be
        as long as these can be, where ``MAX_CONTENT_LENGTH`` is not set.
    :raises RequestEntityTooLarge: if it is too long, inflated or not; else as `inflated` does.
    """
    config = current_app.config
    current = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
    current.max_content_length = config["MAX_CONTENT_LENGTH"]
    if signature is not None and config["BODY_FOLLOWS_MODEL"]:
        longest = max(SHORT, ROOM + config["MAX_BATCH_SIZE"] * signature.row_bytes)
        current.max_content_length = min(current.max_content_length, longest)
    raw: bytes = current.get_data(cache=False)
    codings = current.environ.get("HTTP_CONTENT_ENCODING")
    return inflated(raw, codings, limit=current.max_content_length) if codings else raw


def in_turn(raw: bytes, decode: Callable[[], Any]) -> Any:
    """Decode a long body in its turn, which lasts until its rows are arrays, or the request ends."""
    if len(raw) <= SHORT:
        return decode()
    shedder, environ = current_app.extensions[SHEDDER_EXTENSION], request.environ
    shedder.begin_turn(environ)
    found = decode()
    rows = found.get("rows") if isinstance(found, dict) else getattr(found, "rows", found)
    if isinstance(rows, np.ndarray | Columns):
        shedder.end_turn(environ)
    return found


def check_media_type(accepted: tuple[str, ...]) -> str:
    """The media type of the body, without parameters, by its usual name; ``application/x+json`` is JSON.

    :raises UnsupportedMediaType: if it is none of the accepted ones.
    """
    if (media_type := _media_type()) not in accepted:
        raise UnsupportedMediaType(f"The request body must be {' or '.join(accepted)}")
    return media_type


def _media_type() -> str:
    content_type: str = request.environ.get("CONTENT_TYPE", "")
    if content_type == JSON:  # nearly always
        return JSON
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("application/") and "+" in media_type:
        media_type = f"application/{media_type.rpartition('+')[2]}"
    return SYNONYMS.get(media_type, media_type)


def resolved(name: str) -> Callable[..., Any]:
    """A codec's function.

    :raises UnsupportedMediaType: if the library that it needs is not installed.
    """
    try:
        return resolve_name(name)  # type: ignore[no-any-return]
    except ImportError as error:
        raise UnsupportedMediaType(f"This format needs {error.name}, which is not installed") from None
