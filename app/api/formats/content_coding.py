"""Content codings: a body inflated, within a bound that is checked meanwhile."""

import zlib
from collections.abc import Callable, Iterator
from functools import partial

from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.exceptions import InvalidInput

PART = 1024 * 1024  # bytes that are inflated at a time
GZIP, DEFLATE = 31, 15  # zlib's codes of the formats


def inflated(raw: bytes, codings: str, *, limit: int) -> bytes:
    """The body without its codings, the last of which was applied last.

    :param codings: the header ``Content-Encoding``.
    :raises RequestEntityTooLarge: if it is longer than ``limit``.
    :raises UnsupportedMediaType: for a coding that is not known here.
    :raises InvalidInput: if it is not in its coding.
    """
    for coding in reversed([each.strip().lower() for each in codings.split(",")]):
        if coding not in ("", "identity"):
            raw = _inflated(raw, coding, limit=limit)
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


def _zlib(raw: bytes, code: int) -> Iterator[bytes]:
    """The parts of one member after the other."""
    while raw:
        member = zlib.decompressobj(code)
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


CODINGS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": partial(_zlib, code=GZIP),
    "deflate": partial(_zlib, code=DEFLATE),
    "zstd": _zstd,
}
