"""The worker class, which decides whether the main loop or a thread answers a request, or more must arrive.

Nothing in the main loop waits for a client: the poller waits for what has not arrived, a thread reads what is
too long for that, and the poller sends what the client does not take.
"""

import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ
from typing import Any, NamedTuple

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from gunicorn_worker.inline import InlineWorker
from gunicorn_worker.inspection import INCOMPLETE, Inspection, RequestInspector
from gunicorn_worker.peek import (
    TAKEN,
    begin,
    expect_request,
    inspect_next,
    set_low_water_mark,
    take_next,
)
from gunicorn_worker.response import unsent

STALL = struct.pack("ll", 5, 0)  # s, µs: longest wait of a thread for one write of gunicorn's own


class Finished(NamedTuple):
    """As much of a `Future` as `ThreadWorker.finish_request` uses."""

    keep: bool

    def cancelled(self) -> bool:
        return False

    def result(self) -> bool:
        return self.keep


class PromptWorker(InlineWorker):
    """`ThreadWorker` whose threads get only long, chunked, pipelined and operators' requests."""

    is_administrative: Callable[[str], bool] = staticmethod(lambda path: False)
    """Whether a path is an operator's: a call that may take long, such as loading a model, and that gets a
    thread of its own unless its method only reads."""

    def init_process(self) -> None:
        self.inspector = RequestInspector(self.cfg, lambda path: self.is_administrative(path))
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Take a connection that is new, or on which more of a request has arrived."""
        if is_new := not hasattr(conn, "began"):
            expect_request(conn)
            conn.low_water = 1
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)  # urgent data cannot be peeked at
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, STALL)
        found = self._inspect(conn)
        if is_new and self.overdue and found is not None and found.missing == 0:
            self._wait(conn, INCOMPLETE)  # behind the requests that wait; the backlog is taken first
        else:
            self._dispatch(conn, found)

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Answer on a kept connection, which stays in the poller while its requests are plain ones."""
        expect_request(conn)
        found = self._inspect(conn)
        whole = found is not None and found.missing == 0
        keep = found is not None and whole and self.answer_inline(conn, found)
        self.keepalived_conns.remove(conn)
        if keep and client not in unsent:
            conn.set_timeout()
            self.keepalived_conns.append(conn)  # last, because gunicorn keeps them sorted by timeout
            return
        self.poller.unregister(client)
        if whole:
            self.finish_request(conn, Finished(keep))
        else:
            self._dispatch(conn, found)

    def _inspect(self, conn: Any) -> Inspection | None:
        if self.can_peek:
            return inspect_next(conn, self.inspector)
        if not conn.initialized:
            try:
                begin(conn)
            except ConnectionError:
                return None
            except OSError:
                self.log.exception("Error before a request was read")
                return None
        return take_next(conn, self.inspector)

    def _dispatch(self, conn: Any, found: Inspection | None) -> None:
        if found is None:
            self.finish_request(conn, Finished(False))
            return
        set_low_water_mark(conn)
        if found.error is not None:
            self.handle_error(None, conn.sock, conn.client, found.error)
            self.finish_request(conn, Finished(False))
        elif found.missing == 0:
            self.finish_request(conn, Finished(self.answer_inline(conn, found)))
        elif found.missing and self.alive:
            self._wait(conn, found)
        else:
            self.hand_over(conn, found)

    def _wait(self, conn: Any, found: Inspection) -> None:
        """Leave a connection to the poller until more has arrived, or until its time is over."""
        conn.sock.setblocking(False)
        conn.timeout = conn.began + self.head_seconds + (self.body_seconds if found.head else 0.0)
        self.pending_conns.append(conn)
        # A connection without a byte yet counts as a request: all of it may come at once, as a body does that
        # the mark holds back.
        grows = conn.awaited and (found.head is None or conn.awaited == TAKEN)
        readable = self.on_part_readable if grows else self.on_pending_socket_readable
        self.poller.register(conn.sock, EVENT_READ, partial(readable, conn))

    def on_part_readable(self, conn: Any, client: socket.socket) -> None:
        """Go on with a part of a request that has grown, which is no request yet (`request_events`)."""
        self.on_pending_socket_readable(conn, client)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Like `ThreadWorker`'s, once the client has taken the answer; also for requests without a thread."""
        if self.send_rest(conn, fs):
            return
        expect_request(conn)  # now, because its beginning may be there
        if conn.parser is not None or fs.cancelled() or fs.result() is not True:
            super().finish_request(conn, fs)
            return
        conn.sock.setblocking(False)
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))
