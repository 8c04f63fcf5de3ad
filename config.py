"""Every setting, read once from the environment.

``NAME_FILE`` may hold the path of a file with the value instead of ``NAME``, as container secrets do.
A wrong value stops the start with a `ConfigError` that names the variable.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from environs import EnvValidationError, FileAwareEnv, ValidationError, validate
from limits import parse_many

ROOT = Path(__file__).resolve().parent
ENGINES = ("auto", "sklearn", "onnx", "treelite")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ConfigError(ValueError):
    """A setting is wrong; the message names the variable, its value and what was expected."""


class Config:
    """Settings shared by all environments; subclasses state only what differs."""

    ENVIRONMENT = "development"
    TESTING = False
    DEFAULT_DEBUG = False
    DEFAULT_CORS_ORIGINS: tuple[str, ...] = ()
    DEFAULT_RATE_LIMIT = ""
    DEFAULT_RATE_LIMIT_ADMIN = ""

    def __init__(self) -> None:
        env = FileAwareEnv(eager=False)
        between = validate.Range
        one_of = validate.OneOf

        # Server
        self.HOST = env.str("HOST", "127.0.0.1")
        self.PORT = env.int("PORT", 5000, validate=between(1, 65535))
        self.WORKERS = env.int("WORKERS", os.cpu_count() or 1, validate=between(1, 256))
        self.DEBUG = env.bool("DEBUG", self.DEFAULT_DEBUG)

        # Requests
        self.MAX_CONTENT_LENGTH = env.int("MAX_CONTENT_LENGTH", 10_000_000, validate=between(1))
        self.MAX_BATCH_SIZE = env.int("MAX_BATCH_SIZE", 100, validate=between(1))
        self.CORS_ORIGINS = env.list("CORS_ORIGINS", list(self.DEFAULT_CORS_ORIGINS))

        # Limits
        self.RATE_LIMIT = env.str("RATE_LIMIT", self.DEFAULT_RATE_LIMIT, validate=_notation)
        self.RATE_LIMIT_ADMIN = env.str("RATE_LIMIT_ADMIN", self.DEFAULT_RATE_LIMIT_ADMIN, validate=_notation)
        self.MAX_IN_FLIGHT = env.int("MAX_IN_FLIGHT", 64, validate=between(0))
        self.TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=between(0, 10))

        # Shared store
        self.REDIS_URL = env.str("REDIS_URL", "")

        # Model
        self.MODELS_DIR = env.path("MODELS_DIR", ROOT / "models")
        self.MODEL_ENGINE = env.str("MODEL_ENGINE", "auto", validate=one_of(ENGINES))
        self.OUTLIER_POLICY = env.str(
            "OUTLIER_POLICY", "flag", validate=one_of(("off", "flag", "clamp", "reject"))
        )
        self.OUTLIER_TOLERANCE = env.float("OUTLIER_TOLERANCE", 1.0, validate=between(0))

        # Logs
        self.LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=one_of(LOG_LEVELS))

        try:
            env.seal()
        except EnvValidationError as error:
            raise ConfigError(_explain(error)) from None
        self.check()

    def check(self) -> None:
        """Refuse combinations that no single variable shows to be wrong.

        :raises ConfigError: naming the variable.
        """
        if self.REDIS_URL and not self.REDIS_URL.startswith(REDIS_SCHEMES):
            # Its value may hold a password.
            raise ConfigError(f"REDIS_URL: must start with one of {', '.join(REDIS_SCHEMES)}")
        if self.REDIS_URL:
            return
        for name in ("RATE_LIMIT", "RATE_LIMIT_ADMIN"):
            limit = getattr(self, name)
            if limit and min(window.amount for window in parse_many(limit)) < self.WORKERS:
                raise ConfigError(
                    f"{name}={limit!r}: must admit a request to each of WORKERS={self.WORKERS}; "
                    "with REDIS_URL they share the limit"
                )

    def notices(self) -> list[str]:
        """What whoever starts the service should know about these settings."""
        if not self.RATE_LIMIT or self.REDIS_URL:
            return []
        return [
            f"Without REDIS_URL each of {self.WORKERS} workers counts for itself and admits "
            f"1/{self.WORKERS} of RATE_LIMIT ({self.RATE_LIMIT})"
        ]


class DevelopmentConfig(Config):
    """On one's own machine: open, verbose, with the debugger under ``python run.py``."""

    DEFAULT_DEBUG = True
    DEFAULT_CORS_ORIGINS = ("*",)


class TestingConfig(Config):
    """Under pytest."""

    ENVIRONMENT = "testing"
    TESTING = True


class ProductionConfig(Config):
    """Facing callers: nothing is open that was not opened by a setting."""

    ENVIRONMENT = "production"
    DEFAULT_RATE_LIMIT = "1000/minute"
    DEFAULT_RATE_LIMIT_ADMIN = "300/minute"

    def check(self) -> None:
        super().check()
        if self.DEBUG:
            raise ConfigError("DEBUG=true: must be off when APP_ENV=production")


CONFIGS: dict[str, type[Config]] = {
    config.ENVIRONMENT: config for config in (DevelopmentConfig, TestingConfig, ProductionConfig)
}


def load_config(environment: str | None = None) -> Config:
    """Read the settings of ``environment``, by default the one ``APP_ENV`` names.

    :raises ConfigError: naming the variable that is wrong.
    """
    name = environment or os.environ.get("APP_ENV", DevelopmentConfig.ENVIRONMENT)
    if name not in CONFIGS:
        raise ConfigError(f"APP_ENV={name!r}: must be one of {', '.join(CONFIGS)}")
    try:
        return CONFIGS[name]()
    except ConfigError:
        raise
    except ValueError as error:  # an unreadable NAME_FILE is raised at once
        raise ConfigError(str(error)) from None


def _notation(limit: str) -> None:
    try:
        sane = not limit or all(window.amount for window in parse_many(limit))
    except ValueError:
        sane = False
    if not sane:
        raise ValidationError("Must be empty or like '100 per hour' or '20/second;1000/hour'.")


def _explain(error: EnvValidationError) -> str:
    messages: Mapping[str, list[str]] = dict(error.error_messages)  # type: ignore[arg-type] # as seal() makes it
    return "; ".join(
        f"{name}={os.environ.get(name)!r}: {' '.join(map(str, reasons))}"
        for name, reasons in messages.items()
    )
