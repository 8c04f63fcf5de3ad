"""Sends an answer in as few packets as possible, and without waiting for the client."""

import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from ssl import SSLSocket, SSLWantReadError, SSLWantWriteError

from gunicorn import util
from gunicorn.http import wsgi

# What a socket raises that would have to wait.
WOULD_BLOCK = (BlockingIOError, SSLWantReadError, SSLWantWriteError)
# Socket -> rest of an answer, which the client did not take at once.
unsent: dict[socket.socket, bytearray] = {}


class Response(wsgi.Response):
    """gunicorn's response with head and body in one packet (saves 12–33 µs) and a cached date (6 µs)."""

    headers_sent: bool
    head = b""
    date = (0, "")

    def default_headers(self) -> list[str]:
        now = int(time.time())
        if Response.date[0] != now:
            Response.date = (now, util.http_date(now))
        major, minor = self.req.version
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Server: {self.version}\r\n",
            f"Date: {Response.date[1]}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers)]
            self.head = "".join([*lines, "\r\n"]).encode("latin-1")
            self.headers_sent = True

    def can_sendfile(self) -> bool:
        return False

    def write(self, arg: bytes) -> None:
        """Like gunicorn's, which sends the head even for an empty chunk: the next one may fail."""
        super().write(arg)
        if self.head:
            self._send(b"")

    def send(self, body: Iterable[bytes]) -> None:
        """Send the whole answer of an application, and close it even if sending fails."""
        try:
            for data in body:
                self.write(data)
            self.close()
        finally:
            if hasattr(body, "close"):
                body.close()

    def close(self) -> None:
        self.send_headers()
        self._send(b"0\r\n\r\n" if self.chunked else b"")

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _send(self, data: bytes) -> None:
        data, self.head = self.head + data, b""
        if self.sock in unsent:
            unsent[self.sock] += data
        elif data:
            sent = 0
            with suppress(*WOULD_BLOCK):
                sent = self._send_now(data)
            if sent < len(data):
                unsent[self.sock] = bytearray(data[sent:])

    def _send_now(self, data: bytes) -> int:
        if not isinstance(self.sock, SSLSocket):
            return int(self.sock.send(data, socket.MSG_DONTWAIT))
        self.sock.setblocking(False)  # TLS knows no flags
        try:
            return self.sock.send(data)
        finally:
            self.sock.setblocking(True)
