"""How many requests a worker takes on at a time; the others are refused while they can still go elsewhere."""

import sys
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask, request

from app.exceptions import Overloaded
from app.flask_fast.http_request import COUNT_BYTES
from app.middleware.rate_limit import EXEMPT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EXTENSION = "load_shedder"
REFUSED = "service.overloaded"
TAKEN = "service.body_bytes"


class LoadShedder:
    """WSGI middleware that counts the requests under way and marks those beyond ``limit``.

    It also counts the bytes of long bodies, which `take` refuses beyond ``most_bytes``.

    ``waiting`` tells how many more the server has read and not yet handed over; the server's configuration
    sets it, because with few threads most of the load is there. Probes always pass.
    """

    def __init__(self, application: "WSGIApplication", *, limit: int, most_bytes: int) -> None:
        self.in_flight = 0
        self.bytes_in_flight = 0
        self.waiting: Callable[[], int] = lambda: 0
        self._application = application
        self._limit = limit
        self._most_bytes = most_bytes
        self._lock = Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, marked as refused if there are too many already."""
        if environ["PATH_INFO"] in EXEMPT:
            return self._application(environ, start_response)
        with self._lock:
            artifact = self.in_flight + self.waiting() < self._limit
            self.in_flight += artifact
        if not artifact:
            environ[REFUSED] = True
            return self._application(environ, start_response)
        environ[COUNT_BYTES] = self.take
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self.in_flight -= 1
                self.bytes_in_flight -= environ.get(TAKEN, 0)

    def take(self, environ: "WSGIEnvironment", size: int) -> None:
        """Count ``size`` bytes more of a request's body, until the request is answered.

        :raises Overloaded: if the bodies under way would be too long together.
        """
        with self._lock:
            if self.bytes_in_flight + size > self._most_bytes:
                raise Overloaded
            self.bytes_in_flight += size
            environ[TAKEN] = environ.get(TAKEN, 0) + size


def init_app(app: Flask) -> None:
    """Count around the whole app, where nothing can be missed, and refuse inside, in the API's shape."""
    limit, most_bytes = app.config["MAX_IN_FLIGHT"] or sys.maxsize, app.config["MAX_BYTES_IN_FLIGHT"]
    shedder: Any = LoadShedder(app.wsgi_app, limit=limit, most_bytes=most_bytes)
    app.wsgi_app = shedder  # type: ignore[method-assign] # as Flask documents it
    app.extensions[EXTENSION] = shedder
    app.before_request(refuse)


def refuse() -> None:
    """Answer a request that was one too many.

    :raises Overloaded: if it was.
    """
    if REFUSED in request.environ:
        raise Overloaded
