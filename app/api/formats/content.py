"""The body of a request as bytes: bounded, also while it is inflated."""

import zlib
from collections.abc import Callable, Iterator

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.api.formats.body_size import ROOM, SHORT
from app.exceptions import InvalidInput
from app.models.schema.signature import InputSignature

PART = 1024 * 1024  # bytes that are inflated at a time
GZIP = 31  # zlib's code of the format


def read_content(signature: InputSignature | None = None) -> bytes:
    """The body, inflated.

    :param signature: of the model that it holds rows for in JSON, ``MAX_BATCH_SIZE`` at most: then it may be
        as long as these can be, where ``MAX_CONTENT_LENGTH`` is not set.
    :raises RequestEntityTooLarge: if it is too long, inflated or not.
    :raises UnsupportedMediaType: for a coding that is not known here.
    :raises InvalidInput: if it is not in its coding.
    """
    config = current_app.config
    current = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
    current.max_content_length = config["MAX_CONTENT_LENGTH"]
    if signature is not None and config["BODY_FOLLOWS_MODEL"]:
        longest = max(SHORT, ROOM + config["MAX_BATCH_SIZE"] * signature.row_bytes)
        current.max_content_length = min(current.max_content_length, longest)
    raw: bytes = current.get_data(cache=False)
    codings = current.environ.get("HTTP_CONTENT_ENCODING", "")
    for coding in reversed([each.strip().lower() for each in codings.split(",")]):
        if coding not in ("", "identity"):
            raw = _inflated(raw, coding, limit=current.max_content_length)
    return raw


def _inflated(raw: bytes, coding: str, *, limit: int) -> bytes:
    if coding not in CODINGS:
        raise UnsupportedMediaType(f"Content-Encoding must be {', '.join(CODINGS)} or identity")
    found = bytearray()
    try:
        for part in CODINGS[coding](raw):
            found += part
            if len(found) > limit:
                raise RequestEntityTooLarge
    except (zlib.error, EOFError, OSError):
        raise InvalidInput([], message=f"The body is not valid {coding}") from None
    return bytes(found)


def _gzip(raw: bytes) -> Iterator[bytes]:
    """The parts of one member after the other."""
    while raw:
        member = zlib.decompressobj(GZIP)
        yield member.decompress(raw, PART)
        while member.unconsumed_tail:
            yield member.decompress(member.unconsumed_tail, PART)
        yield member.flush(PART)
        if not member.eof:
            raise EOFError
        raw = member.unused_data


def _zstd(raw: bytes) -> Iterator[bytes]:
    try:
        import pyarrow
    except ImportError:
        raise UnsupportedMediaType("Content-Encoding: zstd needs pyarrow, which is not installed") from None
    with pyarrow.CompressedInputStream(pyarrow.BufferReader(raw), "zstd") as stream:
        while part := stream.read(PART):
            yield part


CODINGS: dict[str, Callable[[bytes], Iterator[bytes]]] = {"gzip": _gzip, "zstd": _zstd}
