"""Inspection: how much of a request has arrived, and where to answer it: main loop, thread, or not yet.

gunicorn's own parser reads the head. The main loop answers only requests that have arrived whole, so that it
never waits for a client.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple, cast

from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import InvalidRequestLine, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

# Longest request in bytes that the main loop answers: 100 rows of 20 numbers are 40 kB, and through a thread
# they cost a third more.
MAX_INLINE_BYTES = 128 * 1024
MAX_HEAD_BYTES = 32 * 1024  # longer heads are rejected, so that no thread waits for the end of one
END_OF_HEAD = b"\r\n\r\n"
READ_ONLY = frozenset(("GET", "HEAD", "OPTIONS"))
HEAD_CACHE_SIZE = 256
MAX_CACHED_HEAD_BYTES = 4 * 1024
PER_CONNECTION = ("REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints")


class NullSocket:
    """Socket that drops the ``100 Continue`` of `wsgi.create`: inspecting a head must answer nothing."""

    def send(self, data: bytes) -> int:
        return len(data)

    sendall = send


class RequestHead(NamedTuple):
    """Head of a request as gunicorn parses it.

    ``environ`` lacks the keys of one connection or body. ``body_length`` in bytes is None if only reading the
    body can tell. ``administrative`` marks an operator's call.
    """

    request: Request
    environ: dict[str, Any]
    body_length: int | None
    administrative: bool


class Inspection(NamedTuple):
    """Result of inspecting the beginning of a request.

    ``missing``: least number of bytes still to come; 0 for a whole request that the main loop answers, None
    for a request that a thread answers. ``size``: bytes of the whole request, once its head is there.
    ``error``: gunicorn's objection to bytes that can begin no head, whatever follows.
    """

    missing: int | None
    head: RequestHead | None = None
    size: int = 0
    error: Exception | None = None


INCOMPLETE = Inspection(1)


class RequestInspector:
    """Inspects requests, and caches parsed heads, because clients repeat them.

    Parsing a head and making its environment takes gunicorn 43 µs of the 135 that it adds to a request. The
    cache key is the head's bytes and the client IP, which decides whether forwarded headers are trusted.

    :param cfg: gunicorn's settings.
    :param is_administrative: whether a path, as the application sees it, is an operator's.
    """

    def __init__(self, cfg: Any, is_administrative: Callable[[str], bool]) -> None:
        self._cfg = cfg
        self._is_administrative = is_administrative
        self._heads: dict[tuple[bytes, Any, Any], RequestHead | None] = {}

    def inspect(self, data: bytes, client: Any, server: Any, *, inspected_lines: int = 0) -> Inspection:
        """Inspect ``data``, the beginning of a request.

        :param inspected_lines: number of lines inspected before; without a new one nothing can have changed.
        """
        end = data.find(END_OF_HEAD)
        if end < 0:
            error = self._early_error(data, client, inspected_lines)
            if error is None and len(data) >= MAX_HEAD_BYTES:
                error = LimitRequestHeaders("limit request headers total size")
            return INCOMPLETE if error is None else Inspection(None, error=error)
        head = self._head(data, end, client, server)
        if head is None or head.body_length is None or head.administrative:
            return Inspection(None, head)
        size = end + len(END_OF_HEAD) + head.body_length
        if size > MAX_INLINE_BYTES:
            return Inspection(None, head)
        return Inspection(max(0, size - len(data)), head, size)

    def _head(self, data: bytes, end: int, client: Any, server: Any) -> RequestHead | None:
        key = (data[:end], client[:1], server)
        if key in self._heads:
            return self._heads[key]
        head = self._parse(data[: end + len(END_OF_HEAD)], client, server)
        if len(self._heads) >= HEAD_CACHE_SIZE:
            self._heads.clear()
        if end <= MAX_CACHED_HEAD_BYTES:
            self._heads[key] = head
        return head

    def _parse(self, data: bytes, client: Any, server: Any) -> RequestHead | None:
        """Parse a head; None if gunicorn raises, which it does again where a thread reads the request."""
        try:
            request = Request(self._cfg, IterUnreader([data]), client, req_number=2)
            _, environ = wsgi.create(request, NullSocket(), client, server, self._cfg)
        except Exception:
            return None
        for name in PER_CONNECTION:
            environ.pop(name, None)
        reader = request.body.reader
        # gunicorn's parser alone decides where a request ends: a second opinion allows request smuggling.
        length = reader.length if isinstance(reader, LengthReader) and "HTTP_EXPECT" not in environ else None
        writes = environ["REQUEST_METHOD"].upper() not in READ_ONLY
        administrative = writes and self._is_administrative(environ["PATH_INFO"])
        return RequestHead(request, environ | {"wsgi.multithread": True}, length, administrative)

    def _early_error(self, data: bytes, client: Any, inspected_lines: int) -> Exception | None:
        # gunicorn bounds an unfinished request line, which an empty line may precede.
        too_long = 0 < self._cfg.limit_request_line < len(data) and data.find(b"\n", 2) < 0
        if too_long or data.count(b"\n") > inspected_lines:
            try:
                Request(self._cfg, IterUnreader([data]), client, req_number=2)
            except NoMoreData:
                pass
            except Exception as error:
                return error
        # A TLS handshake holds no end of a line, for which gunicorn would wait.
        if data[:1] < b" " and data[:1] not in (b"\r", b"\n"):
            return cast("Exception", InvalidRequestLine("binary data"))
        return None


def environment(head: RequestHead, conn: Any, body: bytes) -> dict[str, Any]:
    """WSGI environment of one request on gunicorn's connection ``conn``."""
    environ = head.environ.copy()
    environ["wsgi.input"] = BytesIO(body)
    environ["gunicorn.socket"] = conn.sock
    if isinstance(conn.client, tuple):
        environ["REMOTE_PORT"] = str(conn.client[1])
    return environ
