"""How connections end: without anybody waiting for it."""

import errno
import socket
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

LINGER = 2.0  # s: how long a closing connection may take, as in gunicorn
ROOM = 16  # connections that make room when no more files can be opened
PAUSE = 0.01  # s: before the next attempt when none can
TOLD = 60.0  # s between two lines about that
LOOK_THROUGH = 0.25  # s
AT_ONCE = 16 * 1024  # bytes read of what a client sends in vain


class LingeringWorker(ThreadWorker):
    """`ThreadWorker`, whose closing connections linger in the poller, and that is deaf once it stops."""

    alive: bool
    crowded = False  # no more files can be opened
    told = -TOLD
    looked_through = 0.0

    def init_process(self) -> None:
        self.closing: deque[Any] = deque()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """As in `ThreadWorker`, which ends when no more files can be opened, with all that it was doing.

        Instead the connections that have been silent longest are closed, after this turn of the loop, whose
        other events may be theirs; the new one is reported again.
        """
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.crowded = True

    def finish_request(self, conn: Any, fs: Any) -> None:
        """As in `ThreadWorker`, but the 2 s for the client to close are not waited for in the loop."""
        if fs.cancelled() or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError, KeyError):  # gone already
            self.nr_conns -= 1
            conn.close()
        else:
            conn.timeout = time.monotonic() + LINGER
            self.closing.append(conn)

    def murder_pending(self) -> None:
        """Called at every turn of the loop: the time of what waits may be over.

        Each connection has its own, so that they are in no order; they are looked through four times a
        second.
        """
        now = time.monotonic()
        if now - self.looked_through > LOOK_THROUGH:
            self.looked_through = now
            for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
                self._drop(self.pending_conns, conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room("worker_connections are open")
        if self.crowded:
            self.crowded = False
            if not self._make_room("No more files can be opened"):
                time.sleep(PAUSE)  # nothing can be done but what is being done already
        while self.closing and self.closing[0].timeout <= time.monotonic():
            self._close(self.closing[0])

    def _make_room(self, reason: str) -> bool:
        """Close the connections that have been silent longest; False if there is none."""
        if time.monotonic() - self.told > TOLD:
            self.told = time.monotonic()
            self.log.warning("%s: silent connections are closed", reason)
        silent = self.silent()
        for conns, conn in silent[:ROOM]:
            self._drop(conns, conn)
        return bool(silent)

    def silent(self) -> list[Any]:
        """The connections that may make room, with where they are kept, in the order in which they go."""
        return [(conns, conn) for conns in (self.pending_conns, self.keepalived_conns) for conn in conns]

    def _drop(self, conns: "deque[Any]", conn: Any) -> None:
        conns.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A server that stops waits no longer for connections that are still silent.

        And who connects from now on is refused at once, and can go elsewhere. In gunicorn the socket stays
        open until the last connection is closed, and whoever connected in vain hears of it only then.
        """
        super()._cap_keepalive(deadline)
        for listener in self.sockets:
            listener.close()
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _drain(self, conn: Any, sock: socket.socket) -> None:
        try:
            ended = not sock.recv(AT_ONCE)
        except OSError:
            ended = True
        if ended:
            self._close(conn)

    def _close(self, conn: Any) -> None:
        self.closing.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
