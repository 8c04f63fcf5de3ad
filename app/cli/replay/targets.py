"""Where requests are sent again: to this installation in this process, or to a running service."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import click
from werkzeug.test import Client

from app.cli.replay.answers import Answer, reason_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

JSON = "application/json"
TIMEOUT = 60  # s, as long as the servers that it is compared with may take
LATER = (429, 503)
MOST_TRIES, LONGEST_WAIT = 10, 60.0


class Target(Protocol):
    """Answers requests."""

    def send(self, path: str, body: Any) -> Answer:
        """The answer to a POST of ``body``, as JSON."""

    def close(self) -> None:
        """Give up what is open."""


class InProcess:
    """A WSGI application in this process: nothing need be running."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._client = Client(application)

    def send(self, path: str, body: Any) -> Answer:
        """See `Target`."""
        response = self._client.post(path, data=json.dumps(body), content_type=JSON)
        return Answer(response.status_code, _document(response.get_data()))

    def close(self) -> None:
        """Nothing is open."""


class RunningService:
    """A service over HTTP, by one connection that is kept.

    :param url: of the service, with the path that it is below, if any.
    :param key: for ``X-API-Key``.
    :param sleep: waits for seconds, as long as a rate limit asks for.
    """

    def __init__(
        self, url: str, *, key: str | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._url, self._prefix = url, parts.path.rstrip("/")
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
        self._headers = {"Content-Type": JSON} | ({"X-API-Key": key} if key else {})
        self._sleep = sleep

    def send(self, path: str, body: Any) -> Answer:
        """See `Target`.

        :raises ClickException: if the service is not there, or does not accept the key.
        """
        for _ in range(MOST_TRIES):
            response, content = self._post(path, json.dumps(body).encode())
            answer = Answer(response.status, _document(content))
            wait = response.headers.get("Retry-After", "")
            if answer.status not in LATER or not wait.isdecimal():
                break
            self._sleep(min(float(wait), LONGEST_WAIT))
        if answer.status in (401, 403):
            raise click.ClickException(
                f"{self._url} rejects the request: {reason_of(answer)}. Set FLASK_ML_API_KEY, or give --key"
            )
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, path: str, body: bytes) -> tuple[HTTPResponse, bytes]:
        # A kept connection may have been closed meanwhile; a prediction may be asked for twice.
        with suppress(OSError, HTTPException):
            return self._post_once(path, body)
        self._connection.close()
        try:
            return self._post_once(path, body)
        except (OSError, HTTPException) as error:
            raise click.ClickException(
                f"{self._url} does not answer: {error or type(error).__name__}"
            ) from None

    def _post_once(self, path: str, body: bytes) -> tuple[HTTPResponse, bytes]:
        self._connection.request("POST", self._prefix + path, body, self._headers)
        response = self._connection.getresponse()
        return response, response.read()


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
