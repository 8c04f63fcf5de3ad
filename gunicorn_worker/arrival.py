"""How much of a request has arrived, and who answers it: the loop, a thread, or nobody yet.

gunicorn's own reading of the head decides. What the loop answers has arrived whole before, so that it never
waits for a client.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import InvalidRequestLine, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

# Bytes: the longest request answered in the loop. 100 rows of 20 numbers are 40 kB, and through a thread they
# cost a third more.
IN_PLACE = 128 * 1024
FIRST_LOOK = 16 * 1024
# Bytes; of longer ones no thread waits for the end. As much of a request is there before any of it is read.
LONGEST_HEAD = 32 * 1024
END_OF_HEAD = b"\r\n\r\n"
READ_ONLY = frozenset(("GET", "HEAD", "OPTIONS"))
KNOWN_HEADS = 256
LONGEST_KNOWN = 4 * 1024
OF_CONNECTION = ("REMOTE_PORT", "gunicorn.socket", "wsgi.early_hints")


class Nowhere:
    """In place of a connection, while a head is only looked at."""

    def send(self, data: bytes) -> int:
        """Called with ``100 Continue``, for which it is too early."""
        return len(data)

    sendall = send


NOWHERE = Nowhere()


class Head(NamedTuple):
    """A head as gunicorn reads it.

    ``environ`` is without what belongs to one connection or body. ``body_length`` is None if it is not known
    before the body is read. ``administrative``: an operator's call.
    """

    request: Request
    environ: dict[str, Any]
    body_length: int | None
    administrative: bool


class Arrival(NamedTuple):
    """What has arrived of a request.

    ``lacking``: bytes that are missing at least; 0 if it is whole, and short enough for the loop; None if a
    thread is to answer it. ``size``: bytes of the whole request, where the head is there. ``refusal``: what
    gunicorn says of bytes that can begin no head, however it goes on.
    """

    lacking: int | None
    head: Head | None = None
    size: int = 0
    refusal: Exception | None = None


THREAD = Arrival(None)
MORE = Arrival(1)


class Arrivals:
    """Looks at what has arrived, and keeps what was made of the last heads: clients repeat them.

    Reading a head and making the environment of it takes gunicorn 43 µs of the 135 that it adds to a request.
    They are kept by their bytes and the address they came from, which may be trusted.

    :param cfg: gunicorn's settings.
    :param is_administrative: whether a path, as the application sees it, is that of an operator's call.
    """

    def __init__(self, cfg: Any, is_administrative: Callable[[str], bool]) -> None:
        self._cfg = cfg
        self._is_administrative = is_administrative
        self._known: dict[tuple[bytes, Any, Any], Head | None] = {}

    def look(self, data: bytes, client: Any, server: Any, *, known_lines: int = 0) -> Arrival:
        """What ``data``, the beginning of a request, lacks.

        :param known_lines: lines that were looked at before: while no other has ended, nothing more is known.
        """
        end = data.find(END_OF_HEAD)
        if end < 0:
            refusal = self._refusal(data, client, known_lines)
            if refusal is not None:
                return Arrival(None, refusal=refusal)
            too_long: Exception = LimitRequestHeaders("limit request headers total size")
            return MORE if len(data) < LONGEST_HEAD else Arrival(None, refusal=too_long)
        head = self._head(data, end, client, server)
        if head is None or head.body_length is None or head.administrative:
            return Arrival(None, head)
        size = end + len(END_OF_HEAD) + head.body_length
        if size > IN_PLACE:
            return Arrival(None, head)
        return Arrival(max(0, size - len(data)), head, size)

    def _head(self, data: bytes, end: int, client: Any, server: Any) -> Head | None:
        key = (data[:end], client[:1], server)
        if key in self._known:
            return self._known[key]
        head = self._read(data[: end + len(END_OF_HEAD)], client, server)
        if len(self._known) >= KNOWN_HEADS:
            self._known.clear()
        if end <= LONGEST_KNOWN:
            self._known[key] = head
        return head

    def _read(self, data: bytes, client: Any, server: Any) -> Head | None:
        """The head, or None if gunicorn refuses it, or a thread had better find out."""
        try:
            request = Request(self._cfg, IterUnreader([data]), client, req_number=2)
            _, environ = wsgi.create(request, NOWHERE, client, server, self._cfg)
        except Exception:  # whatever is wrong with it is found again, and answered, on gunicorn's own way
            return None
        for name in OF_CONNECTION:
            environ.pop(name, None)
        reader = request.body.reader
        # As gunicorn understands it: where one request ends and the next begins is decided once.
        length = reader.length if isinstance(reader, LengthReader) and "HTTP_EXPECT" not in environ else None
        changes = environ["REQUEST_METHOD"].upper() not in READ_ONLY
        administrative = changes and self._is_administrative(environ["PATH_INFO"])
        return Head(request, environ | {"wsgi.multithread": True}, length, administrative)

    def _refusal(self, data: bytes, client: Any, known_lines: int) -> Exception | None:
        # TLS, for which gunicorn would wait for a line to end.
        if data[:1] < b" " and data[:1] not in (b"\r", b"\n"):
            binary: Exception = InvalidRequestLine("binary data")
            return binary
        # Of what no line feed ends gunicorn bounds the first line, which an empty line may precede.
        too_long = 0 < self._cfg.limit_request_line < len(data) and data.find(b"\n", 2) < 0
        if not too_long and data.count(b"\n") <= known_lines:
            return None
        try:
            Request(self._cfg, IterUnreader([data]), client, req_number=2)
        except NoMoreData:
            return None
        except Exception as error:  # it is the answer
            return error
        return None


def environment(head: Head, conn: Any, body: bytes) -> dict[str, Any]:
    """The environment of one request on a connection of gunicorn's."""
    environ = head.environ.copy()
    environ["wsgi.input"] = BytesIO(body)
    environ["gunicorn.socket"] = conn.sock
    if isinstance(conn.client, tuple):
        environ["REMOTE_PORT"] = str(conn.client[1])
    return environ
