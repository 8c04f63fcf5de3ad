"""How many requests a worker takes on at a time; the others are refused while they can still go elsewhere."""

from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask

from app.exceptions import Overloaded
from app.middleware.rate_limit import EXEMPT
from app.middleware.running import running_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EXTENSION = "load_shedder"
REFUSED = "service.overloaded"


class LoadShedder:
    """WSGI middleware that counts the requests under way and marks those beyond ``limit``.

    ``waiting`` tells how many more the server has read and not yet handed over; the server's configuration
    sets it, because with few threads most of the load is there. Probes always pass.
    """

    def __init__(self, application: "WSGIApplication", *, limit: int) -> None:
        self.in_flight = 0
        self.waiting: Callable[[], int] = lambda: 0
        self._application = application
        self._limit = limit
        self._lock = Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, marked as refused if there are too many already."""
        if environ["PATH_INFO"] in EXEMPT:
            return self._application(environ, start_response)
        with self._lock:
            admitted = self.in_flight + self.waiting() < self._limit
            self.in_flight += admitted
        if not admitted:
            environ[REFUSED] = True
            return self._application(environ, start_response)
        try:
            return self._application(environ, start_response)
        finally:
            with self._lock:
                self.in_flight -= 1


def init_app(app: Flask) -> None:
    """Count around the whole app, where nothing can be missed, and refuse inside, in the API's shape."""
    if limit := app.config["MAX_IN_FLIGHT"]:
        shedder: Any = LoadShedder(app.wsgi_app, limit=limit)
        app.wsgi_app = shedder  # type: ignore[method-assign] # as Flask documents it
        app.extensions[EXTENSION] = shedder
        app.before_request(refuse)


def refuse() -> None:
    """Answer a request that was one too many.

    :raises Overloaded: if it was.
    """
    if REFUSED in running_request().environ:
        raise Overloaded
