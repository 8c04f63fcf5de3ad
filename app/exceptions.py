"""Everything that can go wrong, as facts; ``app/api/errors.py`` turns them into HTTP.

ServiceError
├── InvalidInput            what the caller sent does not fit the request or the model
├── ModelError              no model can answer
│   ├── ModelNotLoaded      nothing is loaded
│   ├── ArtifactInvalid     a version's files are not what its metadata says
│   └── UnsupportedModel    the estimator cannot be served
├── VersionNotFound         the store has no such version
├── VersionExists           the store has that version already
├── RateLimitExceeded       the caller must wait
├── Overloaded              the worker has as many requests as it takes on
└── PredictionFailed        the model raised on input that passed validation
"""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ERRORS = 100


class ServiceError(Exception):
    """Base of every fact the service raises on purpose.

    ``error_type`` is the word the API answers with; ``details`` is safe to show to a caller, ``headers`` go
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


class UnsupportedModel(ModelError):
    """The estimator cannot be served; the message says what would be needed."""


class VersionNotFound(ServiceError):
    """The store has no complete version of that name."""

    error_type = "not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"There is no model version {version!r}", details={"version": version})


class VersionExists(ServiceError):
    """A version is written once and never changed."""

    error_type = "conflict"

    def __init__(self, version: str) -> None:
        super().__init__(f"Model version {version!r} exists already", details={"version": version})


class RateLimitExceeded(ServiceError):
    """The caller must wait; ``retry_after`` is in whole seconds."""

    error_type = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(
            message, details={"retry_after": retry_after}, headers={"Retry-After": str(retry_after)}
        )


class Overloaded(ServiceError):
    """The worker has as many requests as it takes on."""

    error_type = "overloaded"

    def __init__(self, *, retry_after: int = 1) -> None:
        super().__init__(
            "The service is overloaded",
            details={"retry_after": retry_after},
            headers={"Retry-After": str(retry_after)},
        )


class PredictionFailed(ServiceError):
    """The model raised on input that passed validation: a fault of the service's side."""

    def __init__(self) -> None:
        super().__init__("The model failed on this input")
