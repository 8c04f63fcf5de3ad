"""Flask without sessions, by the quick dispatch or its own."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

from flask import Flask
from flask import Request as FlaskRequest
from werkzeug.routing import RequestRedirect

from app.flask_fast.inner_parts import missing_parts
from app.flask_fast.messages import OrjsonProvider, Request
from app.flask_fast.null_session import NoSessions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)


class FastFlask(Flask):
    """Flask without sessions. Plain routes are dispatched quickly where Flask has the inner parts for it."""

    request_class = Request
    json_provider_class = OrjsonProvider
    session_interface = NoSessions()
    quick = True  # False leaves everything to Flask's own dispatch

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.missing_parts = missing_parts(self)
        if self.quick and not self.missing_parts:
            # Not above: importing it needs the inner parts.
            from app.flask_fast.dispatch import QuickDispatch

            self.wsgi_app = QuickDispatch(self)  # type: ignore[method-assign] # as Flask documents it

    def warn_of_missing_parts(self) -> None:
        """Log, once logging is set up, that requests take longer than they might."""
        if self.missing_parts:
            log.warning("this Flask has no quick dispatch", extra={"missing_parts": self.missing_parts})

    def raise_routing_exception(self, request: FlaskRequest) -> NoReturn:
        """As in Flask, but a redirect names no host: the one of the request is the client's word, and its
        scheme is not that of TLS before a proxy."""
        error = request.routing_exception
        if isinstance(error, RequestRedirect):
            target = urlsplit(error.new_url)
            # Of two slashes at its beginning a browser would take what follows for a host.
            error.new_url = urlunsplit(("", "", "/" + target.path.lstrip("/"), target.query, ""))
        assert error is not None  # Flask asks only then
        raise error

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request by Flask's own dispatch."""
        path = environ["PATH_INFO"]
        # Werkzeug overlooks a second slash and a missing one, limits and the server do not. One is missing
        # where the server has taken a prefix off another word: /ml off /mlapi/models.
        if path and (path[0] != "/" or path.startswith("//")):
            environ["PATH_INFO"] = f"/.{path}"
        return super().wsgi_app(environ, start_response)
