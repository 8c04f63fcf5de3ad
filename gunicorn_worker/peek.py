"""Inspects what the kernel holds of a connection's next request, without taking it (``MSG_PEEK``)."""

import fcntl
import select
import socket
import sys
import termios
import time
from typing import Any

from gunicorn_worker.inspection import END_OF_HEAD, INCOMPLETE, MAX_HEAD_BYTES, Inspection, RequestInspector
from gunicorn_worker.taking import begin, take_next

PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT
FIRST_PEEK_BYTES = 16 * 1024


def expect_request(conn: Any) -> None:
    """Start the time of a connection's next request, of which nothing is known yet."""
    conn.began, conn.inspected_lines, conn.awaited, conn.arrived = time.monotonic(), 0, 0, 0


def inspect_next(conn: Any, inspector: RequestInspector) -> Inspection | None:
    """Inspect the next request; None if the client has hung up.

    Sets ``conn.awaited``: with how many bytes in the kernel's buffer the request can go on, 0 if unknown.
    """
    awaited, conn.awaited = conn.awaited, 0
    if conn.parser is not None and conn.parser.unreader.buf.getvalue():
        return take_next(conn, inspector)  # a thread has read the beginning together with the request before
    try:
        data = conn.sock.recv(FIRST_PEEK_BYTES, PEEK)
        if not data:
            return None
        if len(data) == FIRST_PEEK_BYTES and END_OF_HEAD not in data:
            data = conn.sock.recv(MAX_HEAD_BYTES, PEEK)
        found = _inspect(conn, inspector, data)
        if found.missing and found.head is not None and len(data) >= FIRST_PEEK_BYTES:
            data = conn.sock.recv(found.size, PEEK)
            found = found._replace(missing=found.size - len(data))
    except BlockingIOError:
        return INCOMPLETE
    except OSError:  # connection reset
        return None
    if not found.missing:
        return found
    if conn.sock.family == socket.AF_UNIX:  # which no mark holds back
        if not conn.initialized:
            begin(conn)
        return take_next(conn, inspector)
    return _await_missing(conn, found, arrived=len(data), awaited=awaited)


def _inspect(conn: Any, inspector: RequestInspector, data: bytes) -> Inspection:
    found = inspector.inspect(data, conn.client, conn.server, inspected_lines=conn.inspected_lines)
    conn.inspected_lines = data.count(b"\n")
    return found


def _await_missing(conn: Any, found: Inspection, *, arrived: int, awaited: int) -> Inspection | None:
    if awaited <= arrived:
        conn.awaited, conn.arrived = arrived + (found.missing or 0), arrived
        return found
    # The poller reports a connection before the awaited bytes are there if the client has closed its half, or
    # if the kernel's buffer is full: a thread finds out which. No thread waits for the end of a head.
    half_closed = has_event(conn.sock, select.POLLRDHUP)
    return Inspection(None, found.head) if found.head or half_closed else None


def set_low_water_mark(conn: Any) -> None:
    """Let the poller report a connection only once the awaited bytes are there.

    Back to one byte before the request is answered, because the next one may be shorter:
    https://man7.org/linux/man-pages/man7/socket.7.html (``SO_RCVLOWAT``).
    """
    low_water = conn.awaited or 1
    if low_water != conn.low_water:
        conn.low_water = low_water
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water)


def has_grown(conn: Any) -> bool:
    """Whether more has arrived on a connection that waits for more since it was last inspected or asked."""
    before = int(conn.arrived)
    conn.arrived = int.from_bytes(fcntl.ioctl(conn.sock, termios.FIONREAD, bytes(4)), sys.byteorder)
    return bool(conn.arrived > before)


def has_event(sock: socket.socket, event: int) -> bool:
    """Whether ``poll`` reports an event of a socket now: 1.5 µs."""
    poll = select.poll()
    poll.register(sock, event)
    return bool(poll.poll(0))


def has_input(sock: socket.socket) -> bool:
    """Whether bytes have arrived on a connection; True for a listening socket."""
    try:
        return bool(sock.recv(1, PEEK))
    except (BlockingIOError, ConnectionError):
        return False
    except OSError:  # ENOTCONN: the listening socket
        return True
