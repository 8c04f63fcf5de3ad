"""Limits requests in flight and the bytes of their bodies; rejects the others while they can go elsewhere."""

import sys
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING

from flask import Flask, request

from app.exceptions import Overloaded
from app.flask_fast.messages import COUNT_BYTES
from app.middleware.route_table import ROUTE_TABLE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SHEDDER_EXTENSION = "load_shedder"
OVERLOADED = "service.overloaded"
BODY_BYTES = "service.body_bytes"
TURN = "service.turn"


class LoadShedder:
    """WSGI middleware that counts the requests in flight and marks those beyond ``limit``.

    Beyond ``most_bytes`` of long bodies in flight, `take` rejects the next part. One at a time has its turn
    to become objects, each of which is some thirty times as large as its text.

    ``waiting`` returns how many more the server has read and not yet handed over; the server's configuration
    sets it, because with few threads most of the load is there. Probes always pass.
    """

    def __init__(
        self, application: "WSGIApplication", *, limit: int, most_bytes: int, exempt: frozenset[str]
    ) -> None:
        self.in_flight = 0
        self.bytes_in_flight = 0
        self.waiting: Callable[[], int] = int  # 0 where the server does not say
        self._application = application
        self._limit = limit
        self._most_bytes = most_bytes
        self._exempt = exempt
        self._lock = Lock()
        self._turn = Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, marked as one too many if the limit is reached."""
        if environ["PATH_INFO"] in self._exempt:
            return self._application(environ, start_response)
        with self._lock:
            admitted = self.in_flight + self.waiting() < self._limit
            self.in_flight += admitted
        if not admitted:
            environ[OVERLOADED] = True
            return self._application(environ, start_response)
        environ[COUNT_BYTES] = self.take
        try:
            return self._application(environ, start_response)
        finally:
            self.end_turn(environ)
            with self._lock:
                self.in_flight -= 1
                self.bytes_in_flight -= environ.get(BODY_BYTES, 0)

    def take(self, environ: "WSGIEnvironment", size: int) -> None:
        """Count ``size`` bytes more of a request's body, until the request is answered.

        :raises Overloaded: if the bodies under way would be too long together.
        """
        with self._lock:
            if self.bytes_in_flight + size > self._most_bytes:
                raise Overloaded
            self.bytes_in_flight += size
            environ[BODY_BYTES] = environ.get(BODY_BYTES, 0) + size

    def begin_turn(self, environ: "WSGIEnvironment") -> None:
        """Wait until no other long body is in its turn, which ends with the request at the latest."""
        self._turn.acquire()
        environ[TURN] = True

    def end_turn(self, environ: "WSGIEnvironment") -> None:
        """Let the next long body have its turn, if this request has it."""
        if environ.pop(TURN, False):
            self._turn.release()


def wrap(app: Flask, application: "WSGIApplication") -> "WSGIApplication":
    """Count around the whole app, where no request is missed."""
    limit, most_bytes = app.config["MAX_IN_FLIGHT"] or sys.maxsize, app.config["MAX_BYTES_IN_FLIGHT"]
    exempt = app.extensions[ROUTE_TABLE].exempt
    shedder = LoadShedder(application, limit=limit, most_bytes=most_bytes, exempt=exempt)
    app.extensions[SHEDDER_EXTENSION] = shedder
    return shedder


def init_app(app: Flask) -> None:
    """Reject inside of Flask, where the answer gets the API's shape."""
    app.before_request(reject)


def reject() -> None:
    """Raise `Overloaded` if the request exceeded the limit."""
    if OVERLOADED in request.environ:
        raise Overloaded
