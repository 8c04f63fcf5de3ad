"""Answers a request that has arrived whole in the main loop.

A thread would cost 73 µs of CPU to hand the request over and back.
"""

import time
from datetime import datetime
from typing import Any

from gunicorn.http import wsgi

from gunicorn_worker.inspection import Inspection, environment
from gunicorn_worker.queueing import QueueingWorker
from gunicorn_worker.response import Response

NOTIFY_INTERVAL = 0.1  # s: the arbiter's timeout is whole seconds


class InlineWorker(QueueingWorker):
    """`QueueingWorker` that can answer requests in the main loop.

    A view in the main loop holds up the other connections of its process, as two computing threads hold up
    each other, and gunicorn's ``timeout`` ends the process if it takes too long.
    """

    notified_at = 0.0

    def init_process(self) -> None:
        # gunicorn looks a setting up through two Python calls, 23 times a request: an attribute saves 17 µs.
        for name, setting in self.cfg.settings.items():
            if not hasattr(type(self.cfg), name):
                self.cfg.__dict__[name] = setting.get()
        wsgi.Response = Response
        super().init_process()

    def answer_inline(self, conn: Any, found: Inspection) -> bool:
        """Do what `ThreadWorker.handle_request` does; True if the connection may be kept."""
        self._notify_arbiter()
        head = found.head
        assert head is not None  # a whole request has one
        try:
            data = conn.sock.recv(found.size)
        except OSError:
            return False
        response = Response(head.request, conn.sock, self.cfg)
        environ = environment(head, conn, data[found.size - (head.body_length or 0) :])
        started = datetime.now()
        self._count_request(response)
        try:
            response.send(self.wsgi(environ, response.start_response))
        except ConnectionError:  # the client has left
            return False
        except Exception as error:
            if response.headers_sent:  # the client would take an error page for a part of the answer
                self.log.exception("Error handling request")
            else:
                self.handle_error(head.request, conn.sock, conn.client, error)
            return False
        finally:
            self.log.access(response, head.request, environ, datetime.now() - started)
        return not response.should_close()

    def _notify_arbiter(self) -> None:
        """Let ``timeout`` limit each request instead of all requests of a turn together."""
        now = time.monotonic()
        if now - self.notified_at > NOTIFY_INTERVAL:
            self.notified_at = now
            self.notify()

    def _count_request(self, response: Response) -> None:
        """Count the request towards ``max_requests``; close its connection where gunicorn does."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        if not self.alive or not self.cfg.keepalive or len(self.keepalived_conns) > self.max_keepalived:
            response.force_close()
