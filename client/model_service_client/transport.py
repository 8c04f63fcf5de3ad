"""Requests to one service over urllib3, tried again within a deadline, or one of the client's errors."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import version
from time import monotonic, sleep
from typing import Any, NamedTuple

from urllib3 import BaseHTTPResponse, Retry, connection_from_url
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    LocationParseError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util import Timeout as TimeLimits
from urllib3.util import parse_url

from model_service_client.errors import ClientError, ConnectionFailed, Timeout, error_of

JSON = "application/json"
CONNECTIONS = 64  # that are kept for later
CONNECT = 5.0  # seconds that a connection may take to open
LEAST = 0.001  # seconds: a socket takes no time limit of zero
PIECE = 65_536  # bytes that are read at a time
ENDLESS = 1_000_000  # retries, which a deadline ends
# Predictions may be asked for twice. The first retry is immediate, as a server may close a kept connection
# just when it is used (RFC 9112, 9.3.1); the next ones wait 0.2, 0.4, 0.8 … seconds, and up to 0.1 more.
AGAIN: dict[str, Any] = {
    "allowed_methods": None,
    "other": 0,
    "status_forcelist": (429, 502, 503, 504),
    "backoff_factor": 0.1,
    "backoff_max": 2.0,
    "backoff_jitter": 0.1,
}


class Answer(NamedTuple):
    """What came with status 200."""

    headers: Mapping[str, str]
    data: bytes


class Transport:
    """The connections to one service; threads may share it.

    :param url: such as ``https://models.example.com``, with a path where the service is mounted at one.
    :param headers: of every request.
    :param timeout: seconds of a call, with all its retries and pauses.
    :param retries: attempts after the first.
    :param ca_certs: path of the certificates to trust, in place of the system's.
    :raises ValueError: for a URL or a header that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        retries: int,
        ca_certs: str | None = None,
        clock: Callable[[], float] = monotonic,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._clock, self._pause = clock, pause
        self._timeout, self._retries = timeout, retries
        self._path = _path(self.url)
        # Here, as the error of http.client would show a key.
        if wrong := [name for name, text in headers.items() if not (text.isascii() and text.isprintable())]:
            raise ValueError(f"{', '.join(wrong)}: holds characters that no header can have")
        self._headers = {**headers, "Content-Type": JSON, "Accept": JSON}
        trust = {"ca_certs": ca_certs} if self.url.startswith("https:") else {}
        self._pool = connection_from_url(self.url, maxsize=CONNECTIONS, **trust)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Answer:
        """The answer of status 200.

        :param headers: besides those of all requests; JSON is sent and accepted where they name nothing else.
        :raises ClientError: for any other answer, and for none.
        """
        ends = self._clock() + (self._timeout if timeout is None else timeout)
        attempts = Retry(self._retries if retries is None else retries, **AGAIN)
        headers = {**self._headers, **headers} if headers else self._headers
        while True:  # as urllib3's own retries, which know no time limit of a call, nor of a whole body
            response = cause = None
            try:
                response, data = self._ask(method, path, body, headers, ends)
                if response.status == 200:
                    return Answer(response.headers, data)
                failure = error_of(response.status, response.headers, data)
                if not attempts.is_retry(method, response.status):
                    raise failure
            except HTTPError as error:
                cause, failure = error, _unanswered(self.url, error)
            try:
                attempts = attempts.increment(method, path, response, cause)
            except MaxRetryError:
                raise failure from cause
            seconds = _pause(attempts, response)
            if self._clock() + seconds >= ends:
                raise failure from cause
            self._pause(seconds)

    def wait_for(self, path: str, timeout: float) -> None:
        """Ask until the answer is 200.

        :raises Timeout: if it is not within so many seconds.
        """
        try:
            self.call("GET", path, timeout=timeout, retries=ENDLESS)
        except ClientError as error:
            if error.status is not None and error.status not in AGAIN["status_forcelist"]:
                raise
            raise Timeout(f"{self.url} was not ready within {timeout:g} s: {error}") from error

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], ends: float
    ) -> tuple[BaseHTTPResponse, bytes]:
        """An answer with its body, which is read piece by piece: urllib3 limits the time of a piece alone."""
        left = max(ends - self._clock(), LEAST)
        response = self._pool.urlopen(
            method,
            self._path + path,
            body,
            headers,
            retries=False,
            redirect=False,
            timeout=TimeLimits(connect=min(CONNECT, left), read=left),
            preload_content=False,
        )
        pieces = []
        while piece := response.read1(PIECE):
            pieces.append(piece)
            if self._clock() > ends:
                response.close()
                raise Timeout(f"{self.url} gave no answer: Read timed out")
        response.release_conn()
        return response, b"".join(pieces)

    def close(self) -> None:
        """Close the connections; further calls fail."""
        self._pool.close()


def _path(url: str) -> str:
    """The path of a service's URL."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = parse_url("")
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(f"{url!r} is no URL of http or https")
    if parts.auth or parts.query or parts.fragment:
        raise ValueError("the URL of a service has no password, query or fragment")
    return parts.path or ""


def _pause(attempts: Retry, response: BaseHTTPResponse | None) -> float:
    """Seconds before the next attempt: what ``Retry-After`` says, else ever more."""
    with suppress(InvalidHeader, ValueError, OverflowError):
        if response is not None and (seconds := attempts.get_retry_after(response)):
            return seconds
    return attempts.get_backoff_time()


def _unanswered(url: str, error: HTTPError) -> ClientError:
    late = isinstance(error, ReadTimeoutError | ConnectTimeoutError)
    kind = Timeout if late and not isinstance(error, NewConnectionError) else ConnectionFailed
    return kind(f"{url} gave no answer: {error}")


def user_agent() -> str:
    """Name and version of the package, where it is installed."""
    try:
        return f"model-service-client/{version('model-service-client')}"
    except ImportError:  # used from its folder
        return "model-service-client"
