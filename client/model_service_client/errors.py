"""What can go wrong with a call, as one tree of exceptions."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

SHOWN = 3  # errors of rows that a message tells


class Fault(TypedDict, total=False):
    """One error of the input: ``row`` and ``position`` (column) count from 0, ``name`` is the column's."""

    field: str
    row: int
    position: int
    name: str
    reason: str


class ClientError(Exception):
    """Base of all errors, and the error of a status that has no class of its own, such as 409.

    ``status`` of HTTP, ``error_type``, ``request_id`` and ``details`` are the service's; None, or empty,
    where it did not answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_type: str | None = None,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.request_id = request_id
        self.details: dict[str, Any] = dict(details or {})

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before another call, where the service names them."""
        seconds = self.details.get("retry_after")
        return float(seconds) if isinstance(seconds, int | float) else None


class InvalidInput(ClientError):
    """The input does not fit the request or the model; ``errors`` names fields, rows, columns and reasons."""

    @property
    def errors(self) -> list[Fault]:
        """The service lists 100 errors at most."""
        errors = self.details.get("errors")
        return errors if isinstance(errors, list) else []

    def __str__(self) -> str:
        message, errors = super().__str__(), self.errors
        told = "; ".join(map(sentence, errors[:SHOWN]))
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        return f"{message}: {told}{more}" if told else message


class AuthenticationError(ClientError):
    """The key or token is missing or not valid (401)."""


class PermissionDenied(ClientError):
    """The key or token lacks a scope (403)."""


class NotFound(ClientError):
    """There is no such model or route (404)."""


class RateLimited(ClientError):
    """Too many requests or rows (429); ``retry_after`` says how many seconds to wait."""


class ServerError(ClientError):
    """The service or the model failed, or what answered is not the service."""


class Overloaded(ServerError):
    """The service sheds load (503); ``retry_after`` says how many seconds to wait."""


class ConnectionFailed(ClientError):
    """The service cannot be reached, or broke the connection, again and again."""


class Timeout(ClientError):
    """The call took longer than it may."""


CLASSES: dict[int, type[ClientError]] = {
    400: InvalidInput,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    413: InvalidInput,
    415: InvalidInput,
    429: RateLimited,
}


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The error that an answer stands for, whatever its body is."""
    document = _document(body)
    error_type = document.get("error_type")
    kind = CLASSES.get(status, ServerError if status >= 500 else ClientError)
    if status == 503 and error_type == "overloaded":
        kind = Overloaded
    details = document.get("details")
    details = dict(details) if isinstance(details, dict) else {}
    if headers.get("Retry-After", "").isdecimal():
        details.setdefault("retry_after", int(headers["Retry-After"]))
    message = document.get("error")
    if not isinstance(message, str):
        message = f"answered {status} with {headers.get('Content-Type', 'no type')}"
    request_id = headers.get("X-Request-Id") or document.get("request_id")
    return kind(message, status=status, error_type=error_type, request_id=request_id, details=details)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def invalid(faults: Sequence[Fault], like: InvalidInput | None = None) -> InvalidInput:
    """The error of input that has these faults, found here or, as ``like`` was, by the service."""
    if like is None:
        return InvalidInput("Invalid input", error_type="validation_error", details={"errors": list(faults)})
    return InvalidInput(
        str(like.args[0]),
        status=like.status,
        error_type=like.error_type,
        request_id=like.request_id,
        details=like.details | {"errors": list(faults)},
    )


def sentence(fault: Fault, *, row: bool = True) -> str:
    """A fault as people read it: ``row 3, age: must be a number, not a string``."""
    number = f"row {fault['row']}" if row and "row" in fault else ""
    name = fault.get("name") or (f"position {fault['position']}" if "position" in fault else "")
    name = name or ("" if "row" in fault else fault.get("field", ""))
    where = ", ".join(filter(None, (number, name)))
    return f"{where}: {fault.get('reason', '')}" if where else fault.get("reason", "")
