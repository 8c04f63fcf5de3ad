"""Headers that tell a browser to do nothing with an answer but hand it to the page that asked."""

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


def wrap(app: Flask, application: "WSGIApplication") -> "WSGIApplication":
    """Add the headers to every answer, unless the view brought a policy of its own, as a web page does.

    Here the list of headers grows at once, where a hook of Flask adds header by header.
    """

    def add_headers(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            return start_response(status, headers if POLICY in dict(headers) else headers + HEADERS, *rest)

        return application(environ, start)

    return add_headers
