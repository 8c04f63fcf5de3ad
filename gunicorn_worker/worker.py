"""The worker: a request that has arrived whole is answered in the main loop.

Handing it over to a thread and back cost 73 µs of 266 CPU. Nothing in the loop waits for a client, however
slow: what has not arrived is waited for by the poller, what is too long for that by a thread, what the client
does not take is sent from the poller, where closing connections linger too.
"""

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from logging import LogRecord
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import wsgi
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER

from gunicorn_worker.arrival import (
    END_OF_HEAD,
    FIRST_LOOK,
    LONGEST_HEAD,
    MORE,
    THREAD,
    Arrival,
    Arrivals,
    environment,
)
from gunicorn_worker.balance import LOOK, SharingWorker, is_ready
from gunicorn_worker.reading import BODY_SECONDS, HEAD_SECONDS, drain, limit_reading
from gunicorn_worker.response import Response, unsent

PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT
STALL = struct.pack("ll", 5, 0)  # s, µs: how long a thread waits for one read or write
OPERATORS = "operators"  # the name of their thread
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

    is_administrative: Callable[[str], bool] = staticmethod(lambda path: False)
    """Whether a path is that of a call which may take long, such as one that loads a model: unless it only
    reads it gets a thread of its own."""
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
        self.arrivals = Arrivals(self.cfg, lambda path: self.is_administrative(path))
        # What cannot be looked into before it is read is left to threads, as gunicorn has it.
        self.looks_ahead = not self.cfg.is_ssl and self.cfg.proxy_protocol == "off"
        self.notified = 0.0
        self.log.error_log.addFilter(_is_not_a_stall)
        # Operators get through however many long bodies the other threads read.
        self.operators = ThreadPoolExecutor(max_workers=1, thread_name_prefix=OPERATORS)
        self.requests = (self.on_client_socket_readable, self.on_pending_socket_readable, self.accept)
        super().init_process()

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """A kept connection stays in the poller as long as its requests are plain ones."""
        conn.begun, conn.lines, conn.awaited = time.monotonic(), 0, 0
        arrival = self._look(conn)
        if arrival is not None and arrival.lacking == 0 and arrival.head is not None:
            kept = self._run(conn, arrival)
            if kept and client not in unsent:
                # The connections are sorted by the time at which they are closed for being idle.
                self.keepalived_conns.remove(conn)
                conn.set_timeout()
                self.keepalived_conns.append(conn)
                return
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
            self.finish_request(conn, Finished(kept))
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._dispatch(conn, arrival)

    def enqueue_req(self, conn: Any) -> None:
        """Called with a connection that is new, or of whose request more has arrived."""
        if is_new := not hasattr(conn, "begun"):
            conn.begun, conn.lines, conn.awaited, conn.low_water = time.monotonic(), 0, 0, 1
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)  # urgent data cannot be looked at
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, STALL)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, STALL)
        arrival = self._look(conn)
        if is_new and self.behind and arrival is not None and arrival.lacking == 0:
            self._wait(
                conn, MORE
            )  # it comes after all that wait, and others that come with it are taken first
        else:
            self._dispatch(conn, arrival)

    def _look(self, conn: Any) -> Arrival | None:
        """What has arrived of the next request; None if a client has hung up."""
        awaited, conn.awaited = conn.awaited, 0
        if not self.looks_ahead:
            return THREAD
        if conn.parser is not None and (begun := conn.parser.unreader.buf.getvalue()):
            return self._look_at_rest(conn, begun)
        try:
            data = conn.sock.recv(FIRST_LOOK, PEEK)
            if not data:
                return None
            if len(data) == FIRST_LOOK and END_OF_HEAD not in data:
                data = conn.sock.recv(LONGEST_HEAD, PEEK)
            arrival = self.arrivals.look(data, conn.client, conn.server, known_lines=conn.lines)
            conn.lines = data.count(b"\n")
            if arrival.lacking and arrival.head is not None and len(data) >= FIRST_LOOK:
                data = conn.sock.recv(arrival.size, PEEK)
                arrival = arrival._replace(lacking=arrival.size - len(data))
        except BlockingIOError:
            return MORE
        except OSError:  # reset
            return None
        if arrival.lacking and awaited > len(data):
            # The poller reports a connection before what it awaits is there if it is closed half-way, or its
            # buffer holds no more: a thread finds out. No thread waits for a head.
            half_closed = is_ready(conn.sock, select.POLLRDHUP)
            return Arrival(None, arrival.head) if arrival.head or half_closed else None
        if arrival.lacking:
            conn.awaited = len(data) + arrival.lacking
        return arrival

    def _look_at_rest(self, conn: Any, begun: bytes) -> Arrival | None:
        """The same of a request whose beginning a thread has read together with the one before it."""
        try:
            data = conn.sock.recv(LONGEST_HEAD, PEEK)
            if not data:  # closed half-way: a thread finds out, and waits for nothing
                return THREAD
        except BlockingIOError:
            data = b""
        except OSError:  # reset
            return None
        arrival = self.arrivals.look(begun + data, conn.client, conn.server, known_lines=conn.lines)
        conn.lines = (begun + data).count(b"\n")
        if arrival.refusal is None and (arrival.head is not None or not arrival.lacking):
            return Arrival(None, arrival.head)
        conn.awaited = len(data) + 1
        return arrival

    def _dispatch(self, conn: Any, arrival: Arrival | None) -> None:
        if arrival is not None and (conn.awaited or 1) != conn.low_water:
            # One byte again before the request is answered: the next may be shorter than what was awaited.
            conn.low_water = conn.awaited or 1
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, conn.low_water)
        if arrival is None:
            self.finish_request(conn, Finished(False))
        elif arrival.refusal is not None:
            self.handle_error(None, conn.sock, conn.client, arrival.refusal)
            self.finish_request(conn, Finished(False))
        elif arrival.lacking == 0:
            self.finish_request(conn, Finished(self._run(conn, arrival)))
        elif arrival.lacking and self.alive:
            self._wait(conn, arrival)
        else:
            self._hand_over(conn, arrival)

    def _wait(self, conn: Any, arrival: Arrival) -> None:
        """Leave a connection to the poller until more has arrived, or it has taken too long."""
        conn.sock.setblocking(False)
        conn.timeout = conn.begun + HEAD_SECONDS + (BODY_SECONDS if arrival.head else 0.0)
        self.pending_conns.append(conn)
        # Who has sent nothing yet may send all of it.
        begun = conn.awaited and arrival.head is None
        readable = self.on_head_readable if begun else self.on_pending_socket_readable
        self.poller.register(conn.sock, EVENT_READ, partial(readable, conn))

    def on_head_readable(self, conn: Any, client: socket.socket) -> None:
        """Called when more has arrived of a head; of a body only when all has, by the low-water mark."""
        self.on_pending_socket_readable(conn, client)

    def _hand_over(self, conn: Any, arrival: Arrival) -> None:
        """Have a thread read and answer a request."""
        conn.data_ready = conn.data_ready or self.looks_ahead
        administrative = arrival.head is not None and arrival.head.administrative
        future = (self.operators if administrative else self.tpool).submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Any) -> Any:
        """As in `ThreadWorker`, within the time that a request has for arriving."""
        if self.looks_ahead:
            try:
                conn.sock.setblocking(True)
                conn.init()
                limit_reading(conn)
            except Exception:  # what is raised here would end the loop, which asks what came of the request
                self.log.exception("Error before a request was read")
                return False
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Without waiting for the rest of a body that nobody read: after a refusal the connection is
        closed."""
        return bool(keepalive and (drain(conn) if self.looks_ahead else super()._keepalive_after(conn, True)))

    def _run(self, conn: Any, arrival: Arrival) -> bool:
        """What `ThreadWorker.handle_request` does; returns whether the connection may be kept."""
        self._tell_arbiter()
        head = arrival.head
        assert head is not None  # of a request that has arrived whole
        try:
            data = conn.sock.recv(arrival.size)
        except OSError:
            return False
        body = data[arrival.size - (head.body_length or 0) :]
        response = Response(head.request, conn.sock, self.cfg)
        environ = environment(head, conn, body)
        started = datetime.now()
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        if not self.alive or not self.cfg.keepalive or len(self.keepalived_conns) > self.max_keepalived:
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
        thread = threading.current_thread()
        if thread is threading.main_thread():
            return self.ahead
        pool = self.operators if thread.name.startswith(OPERATORS) else self.tpool
        length: int = pool._work_queue.qsize()
        return length

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As in `ThreadWorker`, but those who came last and too late are answered first, and soon.

        What is left after `LOOK` comes first in the next turn: the poller would put those before it who were
        answered and have asked again. Only a worker that left something refuses anybody: many clients who
        hang up at once are not much to do.
        """
        events = sorted(self.events(timeout), key=lambda event: self.left.get(event[0].fd, sys.maxsize))
        looked = time.monotonic()
        late = self._late(events) if self.behind else {}
        for key, place in late.items():
            self.ahead = place
            key.data(key.fileobj)
        events = [event for event in events if event[0] not in late] if late else events
        self.ahead, self.left, behind = 0, {}, False
        for place, (key, _) in enumerate(events, start=1):
            key.data(key.fileobj)
            if time.monotonic() - looked > LOOK:
                behind = True
                self.left = {event[0].fd: place for place, event in enumerate(events[place:])}
                break
        self.behind = behind  # only now: who takes connections in this turn goes by the one before
        self.share.note(self.nr_conns)

    def _late(self, events: list[Any]) -> dict[Any, int]:
        """What comes after too many requests, with its place among them.

        Heads that grow by a byte and connections that are closing, or that clients have closed, are none: who
        has many must not have the requests of others refused.
        """
        requests = [key for key, _ in events if getattr(key.data, "func", key.data) in self.requests]
        if len(requests) > self.most_ready and self.looks_ahead:
            requests = [key for key in requests if _asks(key.fileobj)]
        return {key: place for place, key in enumerate(requests) if place >= self.most_ready}

    def finish_request(self, conn: Any, fs: Any) -> None:
        """As in `ThreadWorker`, when the client has taken the answer, and though no thread read a request."""
        if self.sends_rest(conn, fs):
            return
        conn.begun, conn.lines = time.monotonic(), 0  # of the next one, whose beginning may be there
        if conn.parser is None and not fs.cancelled() and fs.result() is True:
            self._keep(conn)
        else:
            super().finish_request(conn, fs)

    def _keep(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.set_timeout()
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))


def _asks(sock: socket.socket) -> bool:
    """Whether something has arrived on a connection, or a new one waits."""
    try:
        return bool(sock.recv(1, PEEK))
    except (BlockingIOError, ConnectionError):
        return False
    except OSError:  # it is the socket that listens
        return True


def _is_not_a_stall(record: LogRecord) -> bool:
    """gunicorn reports a client that let its time run out with a traceback; it is no fault of ours."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
