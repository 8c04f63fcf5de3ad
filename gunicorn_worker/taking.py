"""Takes the beginning of a request from a connection whose next request cannot be inspected in the kernel.

Under TLS the kernel holds ciphertext, a header of the proxy protocol may come before a request, and a Unix
socket is readable whatever its low-water mark. So what arrives goes into the buffer of gunicorn's parser; a
thread reads it once the request is whole or known to be long. Nothing here waits for the client, not even for
its handshake.
"""

import os
from typing import Any

from gunicorn.http import get_parser
from gunicorn.http.message import PP_V2_SIGNATURE
from gunicorn.sock import ssl_context

from gunicorn_worker.inspection import INCOMPLETE, MAX_HEAD_BYTES, Inspection, RequestInspector
from gunicorn_worker.response import WOULD_BLOCK

TAKEN = 1  # `conn.awaited`: any byte lets a request go on of which all that has arrived is taken
PROXY_V2_BYTES = 16  # of the fixed part of a header, whose last two tell the length of the rest


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
        found = _inspect(conn, inspector, held.getvalue())
        while found.missing:
            data = conn.sock.recv(MAX_HEAD_BYTES)
            if not data:  # a thread reads the end and waits for nothing
                return Inspection(None) if held.tell() else None
            held.write(data)
            found = _inspect(conn, inspector, held.getvalue())
    except WOULD_BLOCK:
        return found
    except OSError:  # connection reset, or no TLS
        return None
    return found if found.error is not None else Inspection(None, found.head)


def _inspect(conn: Any, inspector: RequestInspector, held: bytes) -> Inspection:
    start = _proxy_header_bytes(conn, held)
    if start is None:  # a thread rejects one without an end
        return INCOMPLETE if len(held) < MAX_HEAD_BYTES else Inspection(None)
    data = held[start:]
    if not data:
        return INCOMPLETE
    found = inspector.inspect(data, conn.client, conn.server, inspected_lines=conn.inspected_lines)
    conn.inspected_lines = data.count(b"\n")
    return found


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
