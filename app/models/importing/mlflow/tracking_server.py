"""An MLflow server, asked by its REST API: one request a connection, no redirects, no proxies."""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from app.exceptions import ServiceError
from app.models.importing.mlflow.model_files import check_size
from app.settings.rules import Environment, is_http

URI = "MLFLOW_TRACKING_URI"
CREDENTIALS = "MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
TIMEOUT = 30.0  # seconds without a byte
# Bytes of a description; a registered model with a thousand aliases takes 0.1 MB.
MAX_REPLY = 8 * 1024**2
CHUNK = 1024**2
LONGEST = 300  # characters of the server's own words


class RegistryUnavailable(ServiceError):
    """The registry gives no answer, or not the one that was asked for; later it may."""

    error_type = "model_error"


class TrackingServer:
    """A server at an address, with the credentials to show there and nowhere else."""

    def __init__(self, uri: str, *, authorization: str | None = None) -> None:
        """:raises RegistryUnavailable: if the address is no HTTP address, or holds credentials."""
        if not is_http(uri):
            raise RegistryUnavailable(f"{URI} must be the http:// or https:// address of an MLflow server")
        parts = urlsplit(uri)
        if parts.username is not None:
            raise RegistryUnavailable(f"{URI} holds credentials: put them into {CREDENTIALS}")
        self.address = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._headers = {} if authorization is None else {"Authorization": authorization}

    @classmethod
    def from_environment(cls) -> "TrackingServer":
        """The server that MLflow's own variables name; ``NAME_FILE`` may name a file that holds a value.

        :raises RegistryUnavailable: if a variable is missing or wrong.
        """
        environment = Environment()
        names = ("URI", "TOKEN", "USERNAME", "PASSWORD")
        try:
            given = [environment.str(f"MLFLOW_TRACKING_{name}", "").strip() for name in names]
        except ValueError as error:
            raise RegistryUnavailable(str(error)) from None
        uri, token, user, password = given
        if not uri:
            raise RegistryUnavailable(f"{URI} is not set: the address of the MLflow server")
        if not (token.isascii() and token.isprintable()):  # http.client would show it in its error
            raise RegistryUnavailable("MLFLOW_TRACKING_TOKEN must be printable ASCII characters")
        authorization = f"Bearer {token}" if token else None
        if user and not token:
            authorization = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        return cls(uri, authorization=authorization)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON object at a path of the API.

        :raises RegistryUnavailable: if there is none.
        """
        with self._response(f"{path}?{urlencode(query, quote_via=quote)}") as response:
            content = response.read(MAX_REPLY)
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self._unavailable("does not answer as an MLflow server")
        return found

    def download(self, path: str, target: Path, *, limit: int) -> None:
        """Write what lies at a path into a file.

        :raises ImportRefused: if it has more than ``limit`` bytes.
        :raises RegistryUnavailable: if it does not come, or not all of it.
        """
        with self._response(quote(path)) as response, target.open("wb") as file:
            size = 0
            while chunk := response.read(CHUNK):
                size += len(chunk)
                # What is still to come, where the server says so; a connection may end before.
                check_size(target.name, size + (response.length or 0), limit)
                file.write(chunk)
            if response.length:
                raise self._unavailable(f"sent {size:,} bytes of {target.name} and no more")

    @contextmanager
    def _response(self, path: str) -> Iterator[HTTPResponse]:
        parts = urlsplit(self.address)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request("GET", f"{parts.path}/api/2.0/{path}", headers=self._headers)
            with connection.getresponse() as response:
                if response.status != 200:
                    raise self._rejection(response)
                yield response
        except (OSError, HTTPException) as error:
            raise self._unavailable(f"gives no answer: {error or type(error).__name__}") from None
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> HTTPConnection:
        if scheme == "http":
            return HTTPConnection(host, port, timeout=TIMEOUT)
        return HTTPSConnection(host, port, timeout=TIMEOUT, context=ssl.create_default_context())

    def _rejection(self, response: HTTPResponse) -> RegistryUnavailable:
        if response.status in {401, 403}:
            return self._unavailable(f"rejects the credentials ({response.status}): set {CREDENTIALS}")
        if 300 <= response.status < 400:  # the credentials are for this address only
            return self._unavailable(f"redirects ({response.status}): set {URI} to its own address")
        try:
            said = str(json.loads(response.read(MAX_REPLY))["message"])
        except (ValueError, TypeError, KeyError, RecursionError):
            said = "no reason given"
        plain = "".join(each if each.isprintable() else " " for each in said)
        return self._unavailable(f"answers {response.status}: {plain[:LONGEST]}")

    def _unavailable(self, reason: str) -> RegistryUnavailable:
        return RegistryUnavailable(f"The MLflow server at {self.address} {reason}")
