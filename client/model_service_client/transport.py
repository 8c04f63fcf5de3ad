"""Requests to one service: bytes there and back, with retries, or one of the client's errors."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from time import monotonic, sleep
from typing import Any

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.util import parse_url

from model_service_client.connection import Answer, Head, Pool, TlsPool
from model_service_client.errors import (
    ClientError,
    ConnectionFailed,
    RateLimited,
    ServerError,
    Timeout,
    error_of,
)
from model_service_client.retries import Attempts, Deadline

JSON = "application/json"
CONNECTIONS = 64  # that are kept for later
SOON, LATER = 0.05, 1.0  # seconds between two looks whether the service is ready
PATIENCE = 5.0  # seconds that a look may take


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
        scheme, host, port, netloc, self._path = _address(self.url)
        self._headers = {"Host": netloc, **headers, "Accept-Encoding": "identity"}
        self._json = Head(self._headers | {"Content-Type": JSON, "Accept": JSON})
        if scheme == "https":
            self._pool: Any = TlsPool(host, port, maxsize=CONNECTIONS, ca_certs=ca_certs)
        else:
            self._pool = Pool(host, port, maxsize=CONNECTIONS)

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        retries: int | None = None,
    ) -> Answer:
        """The answer of status 200.

        :param headers: besides those of all requests; JSON is sent and accepted where they name nothing else.
        :raises ClientError: for any other answer, and for none.
        """
        deadline = self._clock() + (self._timeout if timeout is None else timeout)
        attempts = Attempts(
            self._retries if retries is None else retries,
            deadline=deadline,
            clock=self._clock,
            pause=self._pause,
        )
        try:
            answer: Answer = self._pool.urlopen(
                method,
                self._path + path,
                body=body,
                headers=Head({**self._json, **headers}) if headers else self._json,
                retries=attempts,
                redirect=False,
                assert_same_host=False,
                timeout=Deadline(deadline, self._clock),
            )
        except HTTPError as error:
            raise _unanswered(self.url, error) from error
        if answer.status != 200:
            raise error_of(answer.status, answer.headers, answer.data)
        return answer

    def wait_for(self, path: str, timeout: float) -> None:
        """Ask until the answer is 200.

        :raises Timeout: if it is not within so many seconds.
        """
        ends, pause = self._clock() + timeout, SOON
        while True:
            try:
                self.call("GET", path, retries=0, timeout=min(PATIENCE, timeout))
                return
            except (ConnectionFailed, RateLimited, ServerError, Timeout) as error:
                if self._clock() + pause > ends:
                    raise Timeout(f"{self.url} was not ready within {timeout:g} s: {error}") from error
            self._pause(pause)
            pause = min(2 * pause, LATER)

    def close(self) -> None:
        """Close the connections; further calls fail."""
        self._pool.close()


def _address(url: str) -> tuple[str, str, int | None, str, str]:
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = parse_url("")
    if parts.scheme not in ("http", "https") or not parts.host or not parts.netloc:
        raise ValueError(f"{url!r} is no URL of http or https")
    if parts.auth or parts.query or parts.fragment:
        raise ValueError("the URL of a service has no password, query or fragment")
    return parts.scheme, parts.host, parts.port, parts.netloc, (parts.path or "").rstrip("/")


def _unanswered(url: str, error: HTTPError) -> ClientError:
    reason = error.reason if isinstance(error, MaxRetryError) else error
    late = isinstance(reason, ReadTimeoutError | ConnectTimeoutError)
    kind = Timeout if late and not isinstance(reason, NewConnectionError) else ConnectionFailed
    return kind(f"{url} gave no answer: {reason}")


def user_agent() -> str:
    """Name and version of the package, where it is installed."""
    try:
        return f"model-service-client/{version('model-service-client')}"
    except ImportError:  # used from its folder
        return "model-service-client"
