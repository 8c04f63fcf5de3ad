"""The end of an answer that a client did not take at once: sent from the poller as the client takes it.

A thread that waited for clients who read slowly would be one less for long bodies.
"""

import socket
import time
from collections import deque
from functools import partial
from selectors import EVENT_WRITE
from typing import Any

from gunicorn_worker.closing import LingeringWorker
from gunicorn_worker.response import unsent

SEND_SECONDS = 60.0  # for the whole of it


class SendingWorker(LingeringWorker):
    """`LingeringWorker` without a thread that waits for a client to read."""

    def init_process(self) -> None:
        self.sending: deque[Any] = deque()
        super().init_process()

    def sends_rest(self, conn: Any, fs: Any) -> bool:
        """Whether a part of the answer is left: it is sent, and the request finished after that."""
        rest = unsent.pop(conn.sock, None)
        if rest is None:
            return False
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + SEND_SECONDS
        self.sending.append(conn)
        self.poller.register(conn.sock, EVENT_WRITE, partial(self.on_writable, conn, fs, rest))
        return True

    def on_writable(self, conn: Any, fs: Any, rest: bytearray, client: socket.socket) -> None:
        """Called when the client has taken some of what was sent."""
        try:
            del rest[: client.send(rest)]
        except BlockingIOError:
            return
        except OSError:
            self._drop(self.sending, conn)
            return
        if not rest:
            self.sending.remove(conn)
            self.poller.unregister(client)
            self.finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Called at every turn of the loop: the time of who reads too slowly may be over."""
        super().murder_pending()
        while self.sending and self.sending[0].timeout <= time.monotonic():
            self._drop(self.sending, self.sending[0])

    def silent(self) -> list[Any]:
        """Who reads slowly goes last."""
        return [*super().silent(), *((self.sending, conn) for conn in self.sending)]
