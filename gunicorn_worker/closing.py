"""Closing of connections: in the poller, so that neither the main loop nor a thread waits for a client."""

import errno
import socket
import time
from collections import deque
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from gunicorn_worker.peek import has_grown

LINGER = 2.0  # s: how long a closing connection may take, as in gunicorn
CLOSE_AT_ONCE = 16  # idle connections closed together when the worker is out of files
RETRY_DELAY = 0.01  # s until the next attempt when there is no idle connection
LOG_INTERVAL = 60.0  # s between two log lines about closed idle connections
SWEEP_INTERVAL = 0.25  # s
DRAIN_BYTES = 16 * 1024  # read at a time from a closing connection


class LingeringWorker(ThreadWorker):
    """`ThreadWorker` that closes connections in the poller, and takes no new ones once it stops."""

    alive: bool
    out_of_files = False
    logged_at = -LOG_INTERVAL
    swept_at = 0.0

    def init_process(self) -> None:
        self.closing: deque[Any] = deque()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Like `ThreadWorker`'s, but survive that no more files can be opened.

        After this turn of the loop, in which other events may be theirs, the connections that have been idle
        longest are closed; then the poller reports the new one again.
        """
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.out_of_files = True

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Like `ThreadWorker`'s, but the main loop does not wait 2 s for the client to close."""
        if fs.cancelled() or fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError, KeyError):  # closed already
            self.nr_conns -= 1
            conn.close()
        else:
            conn.timeout = time.monotonic() + LINGER
            self.closing.append(conn)

    def murder_pending(self) -> None:
        """Close what has timed out; gunicorn calls this in every turn of the loop.

        Pending connections have time limits of their own and so are in no order: a sweep looks through all.
        """
        now = time.monotonic()
        if now - self.swept_at > SWEEP_INTERVAL:
            self.swept_at = now
            for conn in [conn for conn in self.pending_conns if conn.timeout <= now]:
                self._drop(self.pending_conns, conn)
        if self.nr_conns >= self.worker_connections:
            self._close_idle("worker_connections are open")
        if self.out_of_files:
            self.out_of_files = False
            if not self._close_idle("No more files can be opened"):
                time.sleep(RETRY_DELAY)  # all connections are busy: only their requests can free files
        while self.closing and self.closing[0].timeout <= time.monotonic():
            self._drop(self.closing, self.closing[0])

    def _close_idle(self, reason: str) -> bool:
        """Close the connections that have been idle longest; False if there is none."""
        if time.monotonic() - self.logged_at > LOG_INTERVAL:
            self.logged_at = time.monotonic()
            self.log.warning("%s: silent connections are closed", reason)
        idle = self.idle_connections()
        for conns, conn in self.silent(idle):
            self._drop(conns, conn)
        return bool(idle)

    def silent(self, idle: list[Any]) -> list[Any]:
        """Those of the idle connections that are closed together: while any are closing anyway, only these.

        The poller reports a body only once it is whole, so that who sends one steadily seems silent: such a
        connection goes behind the others, and is closed only if all of them grow.
        """
        if self.closing:
            return idle[: min(len(self.closing), CLOSE_AT_ONCE)]
        silent: list[Any] = []
        grown: list[Any] = []
        for conns, conn in idle:
            (grown if conns is self.pending_conns and has_grown(conn) else silent).append((conns, conn))
            if len(silent) == CLOSE_AT_ONCE:
                break
        for conns, conn in grown:
            conns.remove(conn)
            conns.append(conn)
        return silent or grown[:1]

    def idle_connections(self) -> list[Any]:
        """Connections that may be closed, each after the queue that holds it, longest idle first."""
        queues = (self.closing, self.pending_conns, self.keepalived_conns)
        return [(conns, conn) for conns in queues for conn in conns]

    def _drop(self, conns: "deque[Any]", conn: Any) -> None:
        conns.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """Like `ThreadWorker`'s, and for pending connections too.

        Closing the listening sockets lets new clients turn elsewhere at once. gunicorn keeps them open until
        the last connection is closed, and only then do clients in the backlog learn that nothing answers.
        """
        super()._cap_keepalive(deadline)
        for listener in self.sockets:
            listener.close()
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _drain(self, conn: Any, sock: socket.socket) -> None:
        with suppress(OSError):  # connection reset
            if sock.recv(DRAIN_BYTES):
                return
        self._drop(self.closing, conn)
