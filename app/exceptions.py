"""Tree of what can go wrong, as facts; ``app/api/errors.py`` turns them into HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ERRORS = 100


class ServiceError(Exception):
    """Base of all errors that the service raises on purpose.

    ``error_type`` is the API's word for it; callers may see ``message`` and ``details``; ``headers`` go with
    the answer.
    """

    error_type = "internal_error"
    message = ""

    def __init__(
        self, message: str = "", *, details: Mapping[str, Any] = {}, headers: Mapping[str, str] = {}
    ) -> None:
        self.message = message or self.message
        super().__init__(self.message)
        self.details: dict[str, Any] = dict(details)
        self.headers: dict[str, str] = dict(headers)


class InvalidInput(ServiceError):
    """The input does not fit the request or the model; ``details["errors"]`` names the first `MAX_ERRORS`
    errors by field, row, position and reason; ``errors`` has one at least for every row with a fault."""

    error_type = "validation_error"

    def __init__(self, errors: Sequence[Mapping[str, Any]], *, message: str = "Validation failed") -> None:
        super().__init__(message, details={"errors": list(errors)[:MAX_ERRORS]})
        self.errors = errors


class PredictionFailed(ServiceError):
    """The model raised on input that passed validation: a fault of the service."""

    message = "The model failed on this input"


class ModelError(ServiceError):
    """A model, its store or its workers are not up to the call."""

    error_type = "model_error"


class ModelNotLoaded(ModelError):
    """No version of the model is loaded."""

    message = "No model is loaded"


class ArtifactInvalid(ModelError):
    """A stored version is damaged, incomplete or not what its metadata says."""

    def __init__(self, version: str, reason: str) -> None:
        super().__init__(f"Version {version} cannot be loaded: {reason}")
        self.version = version
        self.reason = reason


class StoreUnreadable(ModelError):
    """A file or folder of the model store exists but cannot be read; ``name`` is without its path."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} in the model store cannot be read: {reason}")


class StoreNotWritable(ServiceError):
    """A change of the model store failed, or this process is not ``permitted`` to write there; what served
    before goes on serving."""

    def __init__(self, reason: str, *, permitted: bool) -> None:
        super().__init__(f"The model store cannot be written: {reason}")
        self.error_type = "model_error" if permitted else "conflict"


class UnsupportedModel(ModelError):
    """The estimator cannot be served; the message says what it would need."""


class NotAllWorkersServe(ModelError):
    """A version is active, but some workers still serve another one."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Some workers do not serve {version!r} yet", details={"version": version})


class ModelNotFound(ServiceError):
    """No model beside the default one has that name."""

    error_type = "not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no model {name!r}", details={"model": name})


class VersionNotFound(ServiceError):
    """The store has no complete version of that name."""

    error_type = "not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"There is no model version {version!r}", details={"version": version})


class VersionNotServed(ServiceError):
    """The path names a version that is not loaded."""

    error_type = "not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"Model version {version[:64]!r} is not loaded", details={"version": version[:64]})


class Conflict(ServiceError):
    """The state of the store rules out the call."""

    error_type = "conflict"


class VersionNotLoaded(Conflict):
    """A request is pinned to a version that is neither active nor part of the traffic split."""

    def __init__(self, version: str) -> None:
        use = "it is neither active nor part of the routing"
        super().__init__(f"Model version {version[:64]!r} is not loaded: {use}")


class VersionExists(Conflict):
    """The store has that version already, and a version never changes."""

    def __init__(self, version: str) -> None:
        super().__init__(f"Model version {version!r} exists already", details={"version": version})


class VersionInUse(Conflict):
    """A version to remove is active or part of the traffic split."""

    def __init__(self, version: str, *, use: str) -> None:
        super().__init__(f"Model version {version!r} is in use: {use}", details={"version": version})


class VersionRefused(Conflict):
    """An operator asked for a version that fails a check; what served before goes on serving."""

    def __init__(self, version: str, reason: str) -> None:
        details = {"version": version, "reason": reason}
        super().__init__(f"Version {version} is refused: {reason}", details=details)


class NothingToRollBack(Conflict):
    """The store has no version that served before."""

    message = "There is no earlier version to go back to"


class AuthenticationRequired(ServiceError):
    """The caller did not show a valid key or token: ``reason`` says why in one word, ``challenge`` what to
    show, as in the header ``WWW-Authenticate``."""

    error_type = "authentication_error"

    def __init__(self, message: str, *, reason: str, challenge: str) -> None:
        super().__init__(message, details={"reason": reason}, headers={"WWW-Authenticate": challenge})


class PermissionMissing(ServiceError):
    """The caller's key or token lacks the scope that ``details["scope"]`` names."""

    error_type = "permission_error"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key or token with the scope {scope!r}", details={"scope": scope})


class RateLimitExceeded(ServiceError):
    """The caller has used up its rate limit, and may call again in ``retry_after`` whole seconds.

    :param limit: requests per window of the limit that was reached.
    :param limit_of: whose limit it is: ``key`` or ``address``.
    """

    error_type = "rate_limit_exceeded"

    def __init__(
        self, *, retry_after: int, limit: int | None = None, limit_of: str | None = None, message: str = ""
    ) -> None:
        known = {"limit": limit, "limit_of": limit_of}
        super().__init__(
            message or f"Too many requests; try again in {retry_after} s",
            details={"retry_after": retry_after} | {k: v for k, v in known.items() if v is not None},
            headers={"Retry-After": str(retry_after)},
        )


class Overloaded(ServiceError):
    """The worker has as many requests as it takes on."""

    error_type = "overloaded"
    message = "The service is overloaded"

    def __init__(self) -> None:
        super().__init__(details={"retry_after": 1}, headers={"Retry-After": "1"})
