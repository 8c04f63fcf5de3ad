"""gunicorn's threaded worker, for requests that are answered sooner than handed to a thread.

A request that has arrived whole is answered in the main loop: handing it over and back cost 73 µs of 266
CPU. Nothing in the loop waits for a client, however slow: what has not arrived is waited for by the poller,
what is too long for that by a thread, what the client does not take is sent by a thread, and closing
connections linger in the poller.
It leans on inner parts of gunicorn 27.0; the tests set slow clients on it.
"""

import errno
import re
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from logging import LogRecord
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import _DEFER, ThreadWorker

IN_PLACE = 16 * 1024  # bytes: the longest request answered in the loop
STALL = struct.pack("ll", 5, 0)  # s, µs: how long a thread waits for one read or write
LOOK = 0.01  # s: after how long the loop looks at who else has come
ROOM = 16  # connections that make room when no more files can be opened
TOLD = 60.0  # s between two lines about that
LINGER = 2.0  # s: how long a closing connection may take, as in gunicorn
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d{1,9})", re.IGNORECASE)
# An operator's call may load a model, or wait for the other workers.
ADMINISTRATIVE = re.compile(rb"(?:POST|PUT|PATCH|DELETE) \S*/models[/?](?!\S*/predict[ ?/])", re.IGNORECASE)
END_UNKNOWN = re.compile(rb"^\s|^$|\r\n(?:transfer-encoding|expect):", re.IGNORECASE)


# By connection: the end of an answer that the client did not take at once.
unsent: dict[socket.socket, bytes] = {}


class Response(wsgi.Response):
    """Head and body leave together (12 to 33 µs), and the date is written once a second (6 µs)."""

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

    def close(self) -> None:
        self.send_headers()
        self._send(b"0\r\n\r\n" if self.chunked else b"")

    def _emit_body(self, data: bytes) -> None:
        self._send(b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def _send(self, data: bytes) -> None:
        data, self.head = self.head + data, b""
        if threading.current_thread() is not threading.main_thread():
            self.sock.sendall(data)
        elif self.sock in unsent:
            unsent[self.sock] += data
        elif data:
            sent = 0
            with suppress(BlockingIOError):
                sent = self.sock.send(data, socket.MSG_DONTWAIT)
            if sent < len(data):
                unsent[self.sock] = data[sent:]


class Finished:
    """As much of a `Future` as `ThreadWorker.finish_request` looks at."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def cancelled(self) -> bool:
        return False

    def result(self) -> Any:
        return self.outcome


class PromptWorker(ThreadWorker):
    """`ThreadWorker`, whose threads are left with requests that are long, chunked or pipelined.

    A view in the loop holds up the other connections of its process, as two computing threads would each
    other; and ``timeout`` ends the process if it takes too long.
    """

    most_ready = sys.maxsize
    """How many requests may wait for the loop; `waiting` tells those who came later that they did."""
    ahead = 0
    behind = False  # not all that was ready was looked at in the last turn
    crowded = False  # no more files can be opened
    told = -TOLD

    def init_process(self) -> None:
        # A setting is looked up through two Python calls, 23 times a request: 17 µs less as an attribute.
        for name, setting in self.cfg.settings.items():
            if not hasattr(type(self.cfg), name):
                self.cfg.__dict__[name] = setting.get()
        wsgi.Response = Response
        self.closing: deque[Any] = deque()
        self.log.error_log.addFilter(_is_not_a_stall)
        super().init_process()

    def waiting(self) -> int:
        """How many requests wait before the one that asks, in the loop or for a thread, wherever it is."""
        if threading.current_thread() is threading.main_thread():
            return self.ahead
        length: int = self.tpool._work_queue.qsize()
        return length

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As in `ThreadWorker`, but those who came last and too late are answered first, and soon.

        What is left after `LOOK` is reported again, in the same order, before what has come since. Only a
        worker that left something refuses anybody: many clients who hang up at once are not much to do.
        """
        events = self.poller.select(timeout)
        looked = time.monotonic()
        most = self.most_ready if self.behind else len(events)
        for place in range(most, len(events)):
            self.ahead = place
            key = events[place][0]
            key.data(key.fileobj)
        self.ahead, self.behind = 0, False
        for key, _ in events[:most]:
            key.data(key.fileobj)
            if time.monotonic() - looked > LOOK:
                self.behind = True
                break

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

    def enqueue_req(self, conn: Any) -> None:
        """Called with a connection that is new or has become readable."""
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
        elif conn.initialized and (conn.parser.unreader.buf.getvalue() or not _has_room(conn.sock)):
            return None  # pipelined, so the beginning has been read; or the client does not read
        try:
            data = conn.sock.recv(IN_PLACE, socket.MSG_PEEK | socket.MSG_DONTWAIT)
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
        self.notify()  # so that `timeout` is the time of one request, not of all that are ready
        conn.data_ready = True
        outcome = self.handle(conn)
        if rest := unsent.pop(conn.sock, b""):
            future = self.tpool.submit(_send, conn.sock, rest, outcome)
            future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
        else:
            self.finish_request(conn, Finished(outcome))

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
        """Called at every turn of the loop: the time of what waits may be over."""
        super().murder_pending()
        if self.crowded:
            self.crowded = False
            self._make_room()
        while self.closing and self.closing[0].timeout <= time.monotonic():
            self._close(self.closing[0])

    def _make_room(self) -> None:
        if time.monotonic() - self.told > TOLD:
            self.told = time.monotonic()
            self.log.warning("No more files can be opened: silent connections are closed")
        silent = [(conns, conn) for conns in (self.pending_conns, self.keepalived_conns) for conn in conns]
        for conns, conn in silent[:ROOM]:
            conns.remove(conn)
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()
        if not silent:
            time.sleep(LOOK)  # nothing can be done but what is being done already

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
            ended = not sock.recv(IN_PLACE)
        except OSError:
            ended = True
        if ended:
            self._close(conn)

    def _close(self, conn: Any) -> None:
        self.closing.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def missing(data: bytes) -> int | None:
    """How many bytes these lack at least to be a request, 0 if they are one or the end of a connection.

    None if it cannot be told, or the request is too long. This decides where a request is answered, not how
    it is read: gunicorn reads the same bytes again.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return min(1, len(data)) if len(data) < IN_PLACE else None
    if END_UNKNOWN.search(head) or ADMINISTRATIVE.match(head):
        return None
    length = CONTENT_LENGTH.search(head)
    lacking = max(0, int(length[1]) - len(body)) if length else 0
    return lacking if len(data) + lacking <= IN_PLACE else None


def _has_room(sock: socket.socket) -> bool:
    """Whether the client has taken most of what was sent before: 1.5 µs."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(0))


def _send(sock: socket.socket, rest: bytes, outcome: Any) -> Any:
    try:
        sock.sendall(rest)
    except OSError:
        return False
    return outcome


def _is_not_a_stall(record: LogRecord) -> bool:
    """gunicorn reports a client that let its time run out with a traceback; it is no fault of ours."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
