"""What gunicorn answers itself, to requests that no application ever sees."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from gunicorn import util

# What gunicorn says of an address that is not below SCRIPT_NAME. It answers 500, as if it were its own fault.
OUTSIDE = "does not start with SCRIPT_NAME"
Page = tuple[Iterable[tuple[str, str]], bytes]


def answer_by(page: Callable[[int], Page]) -> None:
    """Let those answers of this process be what ``page`` makes of their status: headers and body.

    Without it they are gunicorn's, in HTML.
    """

    def write_error(sock: Any, status: int, reason: str, message: str) -> None:
        if OUTSIDE in message:
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
