"""Connections of urllib3 that send a request in one piece and read a short answer in one look.

urllib3 and http.client look at each header several times: 110 µs of computing for a request of one row, of
which this leaves 20. Pools, retries, timeouts, TLS and any answer that is not plain remain theirs.
"""

import re
from collections.abc import Mapping
from http.client import HTTPResponse, IncompleteRead, RemoteDisconnected
from io import BufferedReader
from time import monotonic
from typing import IO, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from model_service_client.retries import LEAST

# A final answer of HTTP/1.1 whose headers have a line each.
PLAIN = re.compile(rb"HTTP/1\.1 ([2-5]\d\d)(?: [^\r\n]*)?\r\n((?:[^\s:]+:[^\r\n]*\r\n)+)\r\n")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Head(dict[str, str]):
    """Headers of requests, and ``lines``: all of them as they are sent.

    :raises ValueError: for a value that no header can have.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        if wrong := [name for name, value in headers.items() if not VALUE.fullmatch(value)]:
            raise ValueError(f"{', '.join(wrong)}: holds characters that no header can have")
        self.lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")

    def copy(self) -> "Head":
        """Itself, as nothing changes it: urllib3 copies headers to add those of a proxy, which is none."""
        return self


class Answer:
    """A response that is read to its end; names of ``headers`` are written ``As-Here``."""

    # What urllib3's pool looks at or sets.
    version_string = "HTTP/1.1"
    length_remaining = 0
    retries = _connection = _pool = None

    def __init__(self, status: int, headers: dict[str, str], data: bytes, *, closes: bool) -> None:
        self.status = status
        self.headers = headers
        self.data = data
        self.closes = closes

    def drain_conn(self) -> None:
        """Nothing is left to read."""

    def get_redirect_location(self) -> bool:
        """Redirects are not followed: a key goes nowhere but to the address that it was given for."""
        return False


class Opened:
    """What http.client reads from, in place of a socket: a file of which nothing was taken yet."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def makefile(self, _: str) -> IO[bytes]:
        """The file."""
        return self._file


class Quick(HTTPConnection):
    """A connection over which a kept one that the server closed meanwhile is opened again.

    The server may close a connection just when it is used (RFC 9112, 9.3.1); predictions may be sent twice.
    """

    _message = b""
    _kept = False  # whether the connection has answered already

    def connect(self) -> None:
        """Open the connection."""
        self._kept = False
        super().connect()

    def request(  # type: ignore[override] # it takes what the pool passes
        self, method: str, url: str, body: bytes, headers: Head, **_: Any
    ) -> None:
        """Send a request; if that fails, `getresponse` looks whether there is an answer all the same."""
        head = f"{method} {url} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode("latin-1")
        self._message = b"%b%b\r\n%b" % (head, headers.lines, body)
        self._send()

    def getresponse(self) -> Answer:  # type: ignore[override] # what the pool needs of a response
        """The whole answer.

        :raises OSError, HTTPException: as http.client does.
        """
        try:
            answer = self._read()
        except ConnectionError:
            if not self._kept:
                raise
            self.close()
            self._send()
            answer = self._read()
        self._kept = True
        if answer.closes:
            self.close()
        return answer

    def _send(self) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(self.timeout)
        self.sock.sendall(self._message)

    def _read(self) -> Answer:
        self.sock.settimeout(self.timeout)
        with self.sock.makefile("rb") as file:
            if not (seen := file.peek()):
                raise RemoteDisconnected("closed without an answer")
            if (found := PLAIN.match(seen)) and (headers := _headers(found[2])):
                file.read(found.end())
                data = self._body(file, int(headers["Content-Length"]))
                closes = headers.get("Connection", "").lower() == "close"
                return Answer(int(found[1]), headers, data, closes=closes)
            return _read_any(file)

    def _body(self, file: BufferedReader, length: int) -> bytes:
        """All of a body, within the time limit as a whole, however slowly it comes."""
        data = bytearray(file.read1(length))
        ends = monotonic() + (self.timeout or 0)
        while (missing := length - len(data)) > 0:
            self.sock.settimeout(max(ends - monotonic(), LEAST))
            if not (part := file.read1(missing)):
                raise IncompleteRead(bytes(data), missing)
            data += part
        return bytes(data)


def _headers(lines: bytes) -> dict[str, str] | None:
    """The headers of a plain answer; None if there is any doubt about where its body ends."""
    pairs = [line.partition(":") for line in lines.decode("latin-1").split("\r\n")[:-1]]
    headers = {name.title(): value.strip() for name, _, value in pairs}
    length = headers.get("Content-Length", "")
    if (
        len(headers) < len(pairs)
        or "Transfer-Encoding" in headers
        or not (length.isascii() and length.isdigit())
    ):
        return None
    return headers


def _read_any(file: IO[bytes]) -> Answer:
    """Any other answer, by http.client: in chunks, without a length, after 100 Continue."""
    response = HTTPResponse(Opened(file))  # type: ignore[arg-type] # of a socket, it uses this alone
    response.begin()
    headers = {name.title(): value for name, value in response.getheaders()}
    data = response.read()
    if not data and "Content-Length" not in headers and not response.chunked:
        raise IncompleteRead(b"")  # http.client takes a head that breaks off for one that ends
    return Answer(response.status, headers, data, closes=response.will_close)


class QuickTls(Quick, HTTPSConnection):
    """The same over TLS."""


class Pool(HTTPConnectionPool):
    """A pool of `Quick`."""

    ConnectionCls = Quick  # type: ignore[assignment] # it answers with `Answer`


class TlsPool(HTTPSConnectionPool):
    """A pool of `QuickTls`."""

    ConnectionCls = QuickTls  # type: ignore[assignment] # as in `Pool`
