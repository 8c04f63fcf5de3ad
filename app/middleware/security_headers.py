"""What a browser may do with an answer: nothing but hand it to the page that asked."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "Content-Security-Policy"
HEADERS = [
    (POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]


def init_app(app: Flask) -> None:
    """Add the headers to every answer, unless the view brought a policy of its own, as a web page does."""
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign] # as Flask documents it


class SecurityHeaders:
    """WSGI middleware: here the list of headers grows at once, in a hook of Flask header by header."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request with the headers added."""

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            own = any(name == POLICY for name, _ in headers)
            return start_response(status, headers if own else headers + HEADERS, *rest)

        return self._application(environ, start)
