"""Answers to requests that gunicorn rejects before an application sees them."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from gunicorn import util

# gunicorn's message for a path outside of SCRIPT_NAME, to which it answers 500 instead of 404:
# https://github.com/benoitc/gunicorn/issues/2969
OUTSIDE_PREFIX = "does not start with SCRIPT_NAME"
Page = tuple[Iterable[tuple[str, str]], bytes]


def use_error_page(page: Callable[[int], Page]) -> None:
    """Replace gunicorn's HTML error pages in this process by ``page(status)``: headers and body."""

    def write_error(sock: Any, status: int, reason: str, message: str) -> None:
        if OUTSIDE_PREFIX in message:
            status = HTTPStatus.NOT_FOUND
        headers, body = page(status)
        lines = [
            f"HTTP/1.1 {status:d} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in headers),
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        util.write_nonblock(sock, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    util.write_error = write_error
