"""Threads that read and answer what the main loop does not: long, chunked, pipelined and operators' requests.

However a client spreads the bytes of a request over time, their total time is limited.
"""

import errno
import time
from concurrent.futures import ThreadPoolExecutor
from logging import LogRecord
from typing import Any

from gunicorn_worker.inspection import Inspection
from gunicorn_worker.sending import SendingWorker

HEAD_SECONDS = 15.0
BODY_SECONDS = 60.0  # from the end of the head: 170 kB/s for 10 MB
MAX_READ_BYTES = 128 * 1024  # of a body at a time
MAX_DRAIN_BYTES = 64 * 1024  # of a body that the application left unread
OPERATORS = "operators"  # prefix of thread names


class ReadingWorker(SendingWorker):
    """`SendingWorker` whose threads read within time limits, with one thread reserved for operators."""

    def init_process(self) -> None:
        # TLS and the proxy protocol come before the head: threads read such requests, as in gunicorn.
        self.can_peek = not self.cfg.is_ssl and self.cfg.proxy_protocol == "off"
        # Operators get an answer however many long bodies occupy the other threads.
        self.operators = ThreadPoolExecutor(max_workers=1, thread_name_prefix=OPERATORS)
        self.log.error_log.addFilter(_is_not_a_stall)
        super().init_process()

    def hand_over(self, conn: Any, found: Inspection) -> None:
        """Let a thread read and answer a request."""
        conn.data_ready = conn.data_ready or self.can_peek
        administrative = found.head is not None and found.head.administrative
        future = (self.operators if administrative else self.tpool).submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Any) -> Any:
        """Like `ThreadWorker`'s, within the time that a request has for arriving."""
        if self.can_peek:
            try:
                conn.sock.setblocking(True)
                conn.init()
                limit_reading(conn)
            except Exception:  # the main loop asks the future for its result, and would end with it
                self.log.exception("Error before a request was read")
                return False
        return super().handle(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Like `ThreadWorker`'s, but close a connection instead of waiting for the rest of an unread body.

        gunicorn waits up to 5 s for it: https://github.com/benoitc/gunicorn/issues/3301
        """
        return bool(keepalive and (drain(conn) if self.can_peek else super()._keepalive_after(conn, True)))


def limit_reading(conn: Any) -> None:
    """Limit a thread's reading from a connection to `BODY_SECONDS` in all; beyond, it reads as if stalled.

    A time limit for each read does not stop a client that sends a byte now and then. One read takes what the
    application asks for: gunicorn would take all that has arrived of a body.
    """
    unreader = conn.parser.unreader
    read, until = type(unreader).chunk, time.monotonic() + BODY_SECONDS

    def chunk(size_hint: int | None = None) -> Any:
        if time.monotonic() > until:
            raise BlockingIOError(errno.EAGAIN, "the request takes too long to arrive")
        return read(unreader, size_hint and min(size_hint, MAX_READ_BYTES))

    unreader.chunk = chunk


def drain(conn: Any) -> bool:
    """Read what has arrived of a body that the application left unread; False if more is to come.

    A rejected client may send the rest byte by byte, for which no thread waits.
    """
    conn.sock.setblocking(False)
    try:
        return bool(conn.parser.finish_body(max_bytes=MAX_DRAIN_BYTES))
    except BlockingIOError:
        return False
    finally:
        conn.sock.setblocking(True)


def _is_not_a_stall(record: LogRecord) -> bool:
    """gunicorn logs a client that stalls with a traceback, although nothing is wrong with the service."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
