"""The worker: a request that has arrived whole is answered in the main loop.

Handing it over to a thread and back cost 73 µs of 266 CPU. Nothing in the loop waits for a client, however
slow: what has not arrived is waited for by the poller, what is too long for that by a thread, what the client
does not take is sent by a thread, and closing connections linger in the poller.
"""

import select
import socket
import struct
import sys
import threading
import time
from datetime import datetime
from logging import LogRecord
from typing import Any

from gunicorn.http import wsgi
from gunicorn.workers.gthread import _DEFER

from app.server.arrival import IN_PLACE, LONGEST_HEAD, missing
from app.server.balance import LOOK, SharingWorker, is_ready
from app.server.heads import Head, Heads, environment
from app.server.response import Response, send_rest, unsent

PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT
STALL = struct.pack("ll", 5, 0)  # s, µs: how long a thread waits for one read or write
NOTIFY_EVERY = 0.1  # s: the arbiter allows whole seconds


class Finished:
    """As much of a `Future` as `ThreadWorker.finish_request` looks at."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self.outcome


class PromptWorker(SharingWorker):
    """`ThreadWorker`, whose threads are left with requests that are long, chunked or pipelined.

    A view in the loop holds up the other connections of its process, as two computing threads would each
    other; and ``timeout`` ends the process if it takes too long.
    """

    most_ready = sys.maxsize
    """How many requests may wait for the loop; `waiting` tells those who came later that they did."""
    ahead = 0
    left: dict[int, int] = {}  # noqa: RUF012 # of those the descriptors, with their places; never changed

    def init_process(self) -> None:
        # A setting is looked up through two Python calls, 23 times a request: 17 µs less as an attribute.
        for name, setting in self.cfg.settings.items():
            if not hasattr(type(self.cfg), name):
                self.cfg.__dict__[name] = setting.get()
        wsgi.Response = Response
        self.heads = Heads(self.cfg)
        self.notified = 0.0
        self.log.error_log.addFilter(_is_not_a_stall)
        super().init_process()

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """A kept connection stays in the poller as long as its requests are plain ones."""
        if not self._answered_at_once(conn):
            super().on_client_socket_readable(conn, client)

    def _answered_at_once(self, conn: Any) -> bool:
        try:
            data = conn.sock.recv(LONGEST_HEAD, PEEK)
            found = self.heads.find(data, conn.client, conn.server)
            if found is None:
                return False
            head, size = found
            if len(data) < size and len(conn.sock.recv(size, PEEK)) < size:
                return False  # the rest is on its way
            data = conn.sock.recv(size)
        except (OSError, ValueError):  # reset; or TLS, which cannot be looked into
            return False
        self._tell_arbiter()
        kept = self._run(conn, head, data[size - head.body_length :])
        if kept and conn.sock not in unsent:
            # The connections are sorted by the time at which they are closed for being idle.
            self.keepalived_conns.remove(conn)
            conn.set_timeout()
            self.keepalived_conns.append(conn)
        else:
            self.poller.unregister(conn.sock)
            self.keepalived_conns.remove(conn)
            self._finish(conn, kept)
        return True

    def _run(self, conn: Any, head: Head, body: bytes) -> bool:
        """What `ThreadWorker.handle_request` does; returns whether the connection may be kept."""
        response = Response(head.request, conn.sock, self.cfg)
        environ = environment(head, conn, body)
        started = datetime.now()
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        if not self.alive or len(self.keepalived_conns) > self.max_keepalived:
            response.force_close()
        try:
            response.send(self.wsgi(environ, response.start_response))
        except ConnectionError:  # the client has left
            return False
        except Exception as error:
            if response.headers_sent:  # an error page would be taken for a part of the answer
                self.log.exception("Error handling request")
            else:
                self.handle_error(head.request, conn.sock, conn.client, error)
            return False
        finally:
            self.log.access(response, head.request, environ, datetime.now() - started)
        return not response.should_close()

    def _tell_arbiter(self) -> None:
        """So that `timeout` is the time of one request, not of all that are ready."""
        now = time.monotonic()
        if now - self.notified > NOTIFY_EVERY:
            self.notified = now
            self.notify()

    def waiting(self) -> int:
        """How many requests wait before the one that asks, in the loop or for a thread, wherever it is."""
        if threading.current_thread() is threading.main_thread():
            return self.ahead
        length: int = self.tpool._work_queue.qsize()
        return length

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As in `ThreadWorker`, but those who came last and too late are answered first, and soon.

        What is left after `LOOK` comes first in the next turn: the poller would put those before it who were
        answered and have asked again. Only a worker that left something refuses anybody: many clients who
        hang up at once are not much to do.
        """
        events = sorted(self.events(timeout), key=lambda event: self.left.get(event[0].fd, sys.maxsize))
        looked = time.monotonic()
        most = self.most_ready if self.behind else len(events)
        for place in range(most, len(events)):
            self.ahead = place
            key = events[place][0]
            key.data(key.fileobj)
        self.ahead, self.behind, self.left = 0, False, {}
        for place, (key, _) in enumerate(events[:most], start=1):
            key.data(key.fileobj)
            if time.monotonic() - looked > LOOK:
                self.behind = True
                self.left = {event[0].fd: place for place, event in enumerate(events[place:most])}
                break
        self.share.note(self.nr_conns)

    def enqueue_req(self, conn: Any) -> None:
        """Called with a connection that is new, or whose request is none of the plain ones."""
        missing = self._missing(conn)
        if missing == 0:
            self._answer(conn)
        elif missing and self.alive:
            self.finish_request(conn, Finished(_DEFER))
        else:
            super().enqueue_req(conn)

    def _missing(self, conn: Any) -> int | None:
        """As `missing`, of what has arrived; the poller reports the connection again once there is more."""
        if not conn.initialized and not conn.data_ready:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, STALL)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, STALL)
            conn.awaited = 0
        elif conn.initialized and (
            conn.parser.unreader.buf.getvalue() or not is_ready(conn.sock, select.POLLOUT)
        ):
            return None  # pipelined, so the beginning has been read; or the client does not read
        try:
            data = conn.sock.recv(IN_PLACE, PEEK)
        except BlockingIOError:
            return 1
        except (OSError, ValueError):
            return None  # reset; or TLS, which cannot be looked into
        lacking = missing(data)
        if conn.awaited and len(data) < conn.awaited:
            lacking = None  # closed half-way; or a socket that knows no low-water mark
        awaited = len(data) + lacking if lacking else 0
        if awaited != conn.awaited:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, awaited or 1)
            conn.awaited = awaited
        return lacking

    def _answer(self, conn: Any) -> None:
        self._tell_arbiter()
        conn.data_ready = True
        self._finish(conn, self.handle(conn))

    def _finish(self, conn: Any, outcome: Any) -> None:
        """Keep or close a connection, after a thread has sent what the client did not take at once."""
        if rest := unsent.pop(conn.sock, b""):
            future = self.tpool.submit(lambda: send_rest(conn.sock, rest) and outcome)
            future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
        else:
            self.finish_request(conn, Finished(outcome))


def _is_not_a_stall(record: LogRecord) -> bool:
    """gunicorn reports a client that let its time run out with a traceback; it is no fault of ours."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
