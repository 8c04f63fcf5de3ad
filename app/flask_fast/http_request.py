"""A request that reads its body at once, and the usual headers straight from the environment."""

from collections.abc import Callable
from io import BytesIO
from typing import IO

import flask
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.utils import cached_property

PART = 128 * 1024  # bytes of a long body that are read at a time
# Key of the environment: a function that counts each part before the next is read, and may raise.
COUNT_BYTES = "service.count_bytes"


class Request(flask.Request):
    """Werkzeug's request, for bodies that fit into memory."""

    @property
    def is_json(self) -> bool:
        """As in Werkzeug."""
        return self.environ.get("CONTENT_TYPE") == "application/json" or super().is_json

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body: 13 µs less than Werkzeug's, which reads through a 64 KiB buffer with a limit.

        A chunked body is refused if it is too long, where Werkzeug would silently cut it off.

        :raises RequestEntityTooLarge: if it is longer than ``MAX_CONTENT_LENGTH``.
        :raises ClientDisconnected: if it ends early, or the server gave up waiting for it.
        :raises BadRequest: if it is chunked and a chunk is malformed.
        """
        environ, limit = self.environ, self.max_content_length
        declared = environ.get("CONTENT_LENGTH", "")
        plain = declared.isascii() and declared.isdecimal() and "HTTP_TRANSFER_ENCODING" not in environ
        length = int(declared) if plain else self.content_length
        if limit is None or (length is None and "wsgi.input_terminated" not in environ):
            return super().stream
        if length is not None and length > limit:
            raise RequestEntityTooLarge
        size = limit + 1 if length is None else length
        try:
            body = environ["wsgi.input"].read(size) if size <= PART else self._read_long(size)
        except OSError as error:
            raise ClientDisconnected from error
        except ParseException as error:
            raise BadRequest from error
        if len(body) > limit:
            raise RequestEntityTooLarge
        if length is not None and len(body) < length:
            raise ClientDisconnected
        return BytesIO(body)

    def _read_long(self, size: int) -> bytes:
        """The body up to ``size`` bytes; each part is counted before the next is read."""
        read: Callable[[int], bytes] = self.environ["wsgi.input"].read
        if (count := self.environ.get(COUNT_BYTES)) is None:
            return read(size)
        body = BytesIO()  # grows, where joining the parts would hold them twice
        while size > 0 and (part := read(min(PART, size))):
            count(self.environ, len(part))
            size -= body.write(part)
        return body.getvalue()
