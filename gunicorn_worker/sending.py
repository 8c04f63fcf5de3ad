"""Sends from the poller what a client does not take of an answer at once.

A thread that waits for a slow reader would be missing for long bodies.
"""

import socket
import time
from collections import deque
from functools import partial
from selectors import EVENT_WRITE
from typing import Any

from gunicorn_worker.closing import LingeringWorker
from gunicorn_worker.response import WOULD_BLOCK, unsent


class SendingWorker(LingeringWorker):
    """`LingeringWorker` whose threads never wait for a client to read."""

    send_seconds = 60.0  # for the rest of an answer

    def init_process(self) -> None:
        self.sending: deque[Any] = deque()
        super().init_process()

    def send_rest(self, conn: Any, fs: Any) -> bool:
        """Send the rest of an answer, if there is one, and then finish the request; False if none."""
        rest = unsent.pop(conn.sock, None)
        if rest is None:
            return False
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.send_seconds
        self.sending.append(conn)
        self.poller.register(conn.sock, EVENT_WRITE, partial(self.on_writable, conn, fs, rest))
        return True

    def on_writable(self, conn: Any, fs: Any, rest: bytearray, client: socket.socket) -> None:
        """Send more, now that the client has taken some."""
        try:
            del rest[: client.send(rest)]
        except WOULD_BLOCK:
            return
        except OSError:
            self._drop(self.sending, conn)
            return
        if not rest:
            self.sending.remove(conn)
            self.poller.unregister(client)
            self.finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Close connections of clients that read too slowly, and what else has timed out."""
        super().murder_pending()
        while self.sending and self.sending[0].timeout <= time.monotonic():
            self._drop(self.sending, self.sending[0])

    def idle_connections(self) -> list[Any]:
        """Slow readers come last."""
        return [*super().idle_connections(), *((self.sending, conn) for conn in self.sending)]
