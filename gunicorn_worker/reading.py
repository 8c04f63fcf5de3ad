"""How long a request may take to arrive, however its parts are spread over that time."""

import errno
import time
from typing import Any

HEAD_SECONDS = 15.0
# From the end of the head; 10 MB in it are 170 kB/s.
BODY_SECONDS = 60.0
# Bytes that are taken of a body at a time.
PART = 128 * 1024
# Bytes read of a body that nobody wanted, where they have arrived, so that the connection can be kept.
DRAINED = 64 * 1024


def limit_reading(conn: Any) -> None:
    """Let a thread read from a connection no longer than `BODY_SECONDS` in all; after that as from one that
    stalls.

    A time limit for each read does not end a client that sends a byte now and then. And as many bytes at a
    time as the application asks for: gunicorn would take all that there is of a body.
    """
    unreader = conn.parser.unreader
    read, until = type(unreader).chunk, time.monotonic() + BODY_SECONDS

    def chunk(size_hint: int | None = None) -> Any:
        if time.monotonic() > until:
            raise BlockingIOError(errno.EAGAIN, "the request takes too long to arrive")
        return read(unreader, size_hint and min(size_hint, PART))

    unreader.chunk = chunk


def drain(conn: Any) -> bool:
    """Read what has arrived of a body that nobody wanted; False if that is not all of it.

    Clients who are refused may send the rest byte by byte, and nobody waits for them.
    """
    conn.sock.setblocking(False)
    try:
        return bool(conn.parser.finish_body(max_bytes=DRAINED))
    except BlockingIOError:
        return False
    finally:
        conn.sock.setblocking(True)
