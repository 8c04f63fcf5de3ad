"""Inspects what the kernel holds of a connection's next request, without taking it (``MSG_PEEK``).

Not everywhere: under TLS the kernel holds ciphertext, a header of the proxy protocol may precede a request,
and a Unix socket is readable whatever its low-water mark. There what arrives is taken into the buffer of
gunicorn's parser; a thread reads it once the request is whole or known to be long. Nothing here waits for the
client, not even for its handshake.
"""

import fcntl
import os
import select
import socket
import sys
import termios
import time
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.message import PP_V2_SIGNATURE
from gunicorn.sock import ssl_context

from gunicorn_worker.inspection import END_OF_HEAD, INCOMPLETE, MAX_HEAD_BYTES, Inspection, RequestInspector
from gunicorn_worker.response import WOULD_BLOCK

PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT
FIRST_PEEK_BYTES = 16 * 1024
TAKEN = 1  # `conn.awaited`: any byte lets a request go on of which all that has arrived is taken
PROXY_V2_BYTES = 16  # of the fixed part of a header, whose last two tell the length of the rest


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


def begin(conn: Any) -> None:
    """Do what `TConn.init` does, but leave the handshake to `take_next`.

    :raises OSError: if the certificate cannot be read, or the client is gone (`ConnectionError`).
    """
    if conn.cfg.is_ssl:
        conn.sock = ssl_context(conn.cfg).wrap_socket(
            conn.sock,
            server_side=True,
            suppress_ragged_eofs=conn.cfg.suppress_ragged_eofs,
            do_handshake_on_connect=False,
        )
    conn.parser = get_parser(conn.cfg, conn.sock, conn.client)
    conn.initialized = True


def take_next(conn: Any, inspector: RequestInspector) -> Inspection | None:
    """Take what has arrived of the next request and inspect it; None if the client is gone.

    A whole request is one for a thread, because only gunicorn's parser reads what has been taken.
    """
    conn.sock.setblocking(False)
    conn.awaited = TAKEN
    held = conn.parser.unreader.buf
    held.seek(0, os.SEEK_END)
    try:
        found = INCOMPLETE
        if conn.cfg.is_ssl:
            conn.sock.do_handshake()
        found = _inspect_taken(conn, inspector, held.getvalue())
        while found.missing:
            data = conn.sock.recv(MAX_HEAD_BYTES)
            if not data:  # a thread reads the end and waits for nothing
                return Inspection(None) if held.tell() else None
            held.write(data)
            found = _inspect_taken(conn, inspector, held.getvalue())
    except WOULD_BLOCK:
        return found
    except OSError:  # connection reset, or no TLS
        return None
    return found if found.error is not None else Inspection(None, found.head)


def _inspect_taken(conn: Any, inspector: RequestInspector, held: bytes) -> Inspection:
    start = _proxy_header_bytes(conn, held)
    if start is None:  # a thread rejects one without an end
        return INCOMPLETE if len(held) < MAX_HEAD_BYTES else Inspection(None)
    data = held[start:]
    if not data:
        return INCOMPLETE
    return _inspect(conn, inspector, data)


def _proxy_header_bytes(conn: Any, held: bytes) -> int | None:
    """How many bytes of a connection belong to the proxy protocol; None if that is not known yet."""
    if conn.cfg.proxy_protocol == "off" or conn.parser.req_count:
        return 0
    if held[:PROXY_V2_BYTES].startswith(PP_V2_SIGNATURE) and len(held) >= PROXY_V2_BYTES:
        return PROXY_V2_BYTES + int.from_bytes(held[PROXY_V2_BYTES - 2 : PROXY_V2_BYTES])
    if held.startswith(b"PROXY ") and b"\r\n" in held:
        return held.index(b"\r\n") + 2
    return None if _may_become_proxy_header(held) else 0


def _may_become_proxy_header(held: bytes) -> bool:
    return any(held.startswith(mark) or mark.startswith(held) for mark in (PP_V2_SIGNATURE, b"PROXY "))


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
