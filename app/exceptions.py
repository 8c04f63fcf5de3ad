"""Everything that can go wrong, as facts; ``app/api/errors.py`` turns them into HTTP.

ServiceError
├── InvalidInput            what the caller sent does not fit the request or the model
├── ModelError              no model can answer
│   ├── ModelNotLoaded      nothing is loaded
│   ├── ArtifactInvalid     a version's files are not what its metadata says
│   ├── StoreUnreadable     a part of the model store is there and cannot be read
│   └── UnsupportedModel    the estimator cannot be served
├── ModelNotFound           there is no model of that name
├── VersionNotFound         the store has no such version
├── VersionNotLoaded        a request is pinned to a version that no worker holds
├── VersionExists           the store has that version already
├── VersionInUse            the version is the active one or part of the routing
├── StoreNotWritable        a change of the model store failed
├── VersionRefused          an operator asked for a version that fails a check
├── NotAllWorkersServe      a version is active, but not everywhere yet
├── NothingToRollBack       no version that served before is left
├── PredictionFailed        the model raised on input that passed validation
├── AuthenticationRequired  the caller did not show a valid key or token
├── PermissionMissing       the caller's key or token lacks the scope
├── RateLimitExceeded       the caller has used up what it may ask for
└── Overloaded              the worker has as many requests as it takes on
"""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ERRORS = 100


class ServiceError(Exception):
    """Base of every fact the service raises on purpose.

    ``error_type`` is the word the API answers with; ``details`` is safe to show to a caller; ``headers`` go
    with the answer.
    """

    error_type = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = dict(details or {})
        self.headers: dict[str, str] = dict(headers or {})


class InvalidInput(ServiceError):
    """The input does not fit; ``details["errors"]`` names field, row, position and reason, of at most
    `MAX_ERRORS` errors."""

    error_type = "validation_error"

    def __init__(self, errors: Sequence[Mapping[str, Any]], *, message: str = "Validation failed") -> None:
        super().__init__(message, details={"errors": list(errors)[:MAX_ERRORS]})


class ModelError(ServiceError):
    """No model can answer at the moment."""

    error_type = "model_error"


class ModelNotLoaded(ModelError):
    """Nothing is loaded."""

    def __init__(self) -> None:
        super().__init__("No model is loaded")


class ArtifactInvalid(ModelError):
    """A stored version is damaged, incomplete or not what its metadata says."""

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(f"Version {version} cannot be loaded: {reason}")
        self.version = version
        self.reason = reason


class StoreUnreadable(ModelError):
    """A part of the model store cannot be read, which is not the same as that it is not there.

    :param name: of the file or folder, without its path.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} in the model store cannot be read: {reason}")


class UnsupportedModel(ModelError):
    """The estimator cannot be served; the message says what would be needed."""


class ModelNotFound(ServiceError):
    """There is no model of that name beside the default one."""

    error_type = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model {name!r}", details={"model": name})


class VersionNotFound(ServiceError):
    """The store has no complete version of that name."""

    error_type = "not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"There is no model version {version!r}", details={"version": version})


class VersionNotLoaded(ServiceError):
    """Requests can be pinned to the active version and to those of the routing."""

    error_type = "conflict"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"Model version {version[:64]!r} is not loaded: it is neither active nor part of the routing"
        )


class VersionExists(ServiceError):
    """A version is written once and never changed."""

    error_type = "conflict"

    def __init__(self, version: str) -> None:
        super().__init__(f"Model version {version!r} exists already", details={"version": version})


class Overloaded(ServiceError):
    """The worker has as many requests as it takes on."""

    error_type = "overloaded"

    def __init__(self, *, retry_after: int = 1) -> None:
        super().__init__(
            "The service is overloaded",
            details={"retry_after": retry_after},
            headers={"Retry-After": str(retry_after)},
        )


class VersionInUse(ServiceError):
    """The active version and those of the routing cannot be removed."""

    error_type = "conflict"

    def __init__(self, version: str, *, use: str) -> None:
        super().__init__(f"Model version {version!r} is in use: {use}", details={"version": version})


class VersionRefused(ServiceError):
    """An operator asked for a version that fails a check; what served before goes on serving."""

    error_type = "conflict"

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(
            f"Version {version} is refused: {reason}", details={"version": version, "reason": reason}
        )


class StoreNotWritable(ServiceError):
    """The model store did not take a change; what served before goes on serving.

    :param permitted: False where the store is not to be written by this process, True where something failed.
    """

    def __init__(self, reason: str, *, permitted: bool) -> None:
        super().__init__(f"The model store cannot be written: {reason}")
        self.error_type = "model_error" if permitted else "conflict"


class NotAllWorkersServe(ServiceError):
    """A version is active, but some workers still serve another one."""

    error_type = "model_error"

    def __init__(self, version: str) -> None:
        super().__init__(f"Some workers do not serve {version!r} yet", details={"version": version})


class NothingToRollBack(ServiceError):
    """No version that served before is left in the store."""

    error_type = "conflict"

    def __init__(self) -> None:
        super().__init__("There is no earlier version to go back to")


class PredictionFailed(ServiceError):
    """The model raised on input that passed validation: a fault of the service's side."""

    def __init__(self) -> None:
        super().__init__("The model failed on this input")


class AuthenticationRequired(ServiceError):
    """The caller did not show a valid key or token; ``details["reason"]`` is one word that says why.

    :param challenge: what the caller may show, as in the header ``WWW-Authenticate``.
    """

    error_type = "authentication_error"

    def __init__(self, message: str, *, reason: str, challenge: str) -> None:
        super().__init__(message, details={"reason": reason}, headers={"WWW-Authenticate": challenge})


class PermissionMissing(ServiceError):
    """The caller is known but lacks the scope that ``details["scope"]`` names."""

    error_type = "permission_error"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key or token with the scope {scope!r}", details={"scope": scope})


class RateLimitExceeded(ServiceError):
    """The caller has used up what it may ask for, and has some left in ``retry_after`` whole seconds.

    :param limit: the limit that was reached.
    :param limit_of: whose limit it is: ``key`` or ``address``.
    """

    error_type = "rate_limit_exceeded"

    def __init__(
        self,
        *,
        retry_after: int,
        limit: int | None = None,
        limit_of: str | None = None,
        message: str | None = None,
    ) -> None:
        known = {"limit": limit, "limit_of": limit_of}
        super().__init__(
            message or f"Too many requests; try again in {retry_after} s",
            details={"retry_after": retry_after} | {k: v for k, v in known.items() if v is not None},
            headers={"Retry-After": str(retry_after)},
        )
