"""Request id: the client's ``X-Request-ID`` if it is a sane one, else a new one."""

import re
from random import getrandbits

from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")


def init_app(app: Flask) -> None:
    """Set ``g.request_id`` before, and the response header after each request."""
    app.before_request(assign)
    app.after_request(echo)


def assign() -> None:
    """Name the request, for its log lines and its answer."""
    g.request_id = request_id_of(request.environ.get("HTTP_X_REQUEST_ID", ""))


def request_id_of(given: str) -> str:
    """The client's id if it is sane, else 128 random bits, which need not be secret."""
    return given if SANE.fullmatch(given) else f"{getrandbits(128):032x}"


def echo(response: Response) -> Response:
    """Name the request in its answer."""
    response.headers[HEADER] = g.request_id
    return response
