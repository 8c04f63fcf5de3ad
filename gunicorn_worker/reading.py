"""Threads that read and answer what the main loop does not: long, chunked, pipelined and operators' requests.

However a client spreads the bytes of a request over time, their total time is limited.
"""

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from logging import LogRecord
from ssl import SSLSocket
from typing import Any

from gunicorn_worker.inspection import Inspection
from gunicorn_worker.response import WOULD_BLOCK
from gunicorn_worker.sending import SendingWorker

STALL_SECONDS = 5.0  # longest wait of a thread for one read
MAX_READ_BYTES = 128 * 1024  # of a body at a time
MAX_DRAIN_BYTES = 64 * 1024  # of a body that the application left unread
OPERATORS = "operators"  # prefix of thread names


class ReadingWorker(SendingWorker):
    """`SendingWorker` whose threads read within time limits, with one thread reserved for operators."""

    head_seconds = 15.0  # for a head, and what comes before it: a handshake, the proxy protocol
    body_seconds = 60.0  # from the end of the head: 170 kB/s for 10 MB

    def init_process(self) -> None:
        # TLS and the proxy protocol come before the head: threads answer such requests, as in gunicorn.
        self.can_peek = not self.cfg.is_ssl and self.cfg.proxy_protocol == "off"
        # Operators get an answer however many long bodies occupy the other threads.
        self.operators = ThreadPoolExecutor(max_workers=1, thread_name_prefix=OPERATORS)
        self.log.error_log.addFilter(_is_not_a_stall)
        super().init_process()

    def hand_over(self, conn: Any, found: Inspection) -> None:
        """Let a thread read and answer a request."""
        administrative = found.head is not None and found.head.administrative
        future = (self.operators if administrative else self.tpool).submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Any) -> Any:
        """Like `ThreadWorker`'s, within the time that a request has for arriving."""
        try:
            conn.sock.setblocking(True)
            conn.init()
            limit_reading(conn, time.monotonic() + self.body_seconds)
        except Exception:  # the main loop asks the future for its result, and would end with it
            self.log.exception("Error before a request was read")
            return False
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Like `ThreadWorker`'s, but close a connection instead of waiting for the rest of an unread body.

        gunicorn waits up to 5 s for it: https://github.com/benoitc/gunicorn/issues/3301
        """
        return bool(keepalive and drain(conn))


def limit_reading(conn: Any, until: float) -> None:
    """Let a thread read from a connection up to a monotonic time; beyond, it reads as if stalled.

    A time limit for each read does not stop a client that sends a byte now and then. One read takes what the
    application asks for: gunicorn would take all that has arrived of a body.
    """
    unreader = conn.parser.unreader
    read = type(unreader).chunk

    def chunk(size_hint: int | None = None) -> Any:
        left, may_wait = until - time.monotonic(), conn.sock.getblocking()
        if left <= 0:
            raise BlockingIOError(errno.EAGAIN, "the request takes too long to arrive")
        try:
            if may_wait:
                conn.sock.settimeout(min(left, STALL_SECONDS))
            return read(unreader, size_hint and min(size_hint, MAX_READ_BYTES))
        except (TimeoutError, *WOULD_BLOCK) as error:
            # gunicorn would take what TLS raises for the end of a body.
            raise BlockingIOError(errno.EAGAIN, "the client has stalled") from error
        finally:
            conn.sock.setblocking(may_wait)

    unreader.chunk = chunk


def drain(conn: Any) -> bool:
    """Read what has arrived of a body that the application left unread; False if more is to come.

    A rejected client may send the rest byte by byte, for which no thread waits. Under TLS the beginning of
    the next request may be deciphered already, which the poller cannot know.
    """
    conn.sock.setblocking(False)
    try:
        drained = bool(conn.parser.finish_body(max_bytes=MAX_DRAIN_BYTES))
        if drained and isinstance(conn.sock, SSLSocket) and (deciphered := conn.sock.pending()):
            held = conn.parser.unreader.buf
            held.seek(0, os.SEEK_END)
            held.write(conn.sock.recv(deciphered))
        return drained
    except BlockingIOError:
        return False
    finally:
        conn.sock.setblocking(True)


def _is_not_a_stall(record: LogRecord) -> bool:
    """gunicorn logs a client that stalls with a traceback, although nothing is wrong with the service."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
