"""Every setting, read once from the environment.

``NAME_FILE`` may hold the path of a file with the value instead of ``NAME``, as container secrets do.
A wrong value stops the start with a `ConfigError` that names the variable.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from environs import EnvValidationError, FileAwareEnv, validate

ROOT = Path(__file__).resolve().parent
ENGINES = ("auto", "sklearn", "onnx", "treelite")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ConfigError(ValueError):
    """A setting is wrong; the message names the variable, its value and what was expected."""


class Config:
    """Settings shared by all environments; subclasses state only what differs."""

    ENVIRONMENT = "development"
    TESTING = False
    DEFAULT_DEBUG = False
    DEFAULT_CORS_ORIGINS = ""
    DEFAULT_LOG_FORMAT = "json"

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
        self.CORS_ORIGINS = env.list("CORS_ORIGINS", self.DEFAULT_CORS_ORIGINS)

        # Model
        self.MODELS_DIR = env.path("MODELS_DIR", ROOT / "models")
        self.MODEL_ENGINE = env.str("MODEL_ENGINE", "auto", validate=one_of(ENGINES))
        self.OUTLIER_POLICY = env.str(
            "OUTLIER_POLICY", "flag", validate=one_of(("off", "flag", "clamp", "reject"))
        )
        self.OUTLIER_TOLERANCE = env.float("OUTLIER_TOLERANCE", 1.0, validate=between(0))

        # Logs
        self.LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=one_of(LOG_LEVELS))
        self.LOG_FORMAT = env.str("LOG_FORMAT", self.DEFAULT_LOG_FORMAT, validate=one_of(("json", "console")))
        self.LOG_FILE = env.path("LOG_FILE", None)
        self.LOG_INPUTS = env.bool("LOG_INPUTS", False)

        # Metrics
        self.PROMETHEUS_MULTIPROC_DIR = env.path("PROMETHEUS_MULTIPROC_DIR", None)
        self.METRICS_ALLOW_PRIVATE = env.bool("METRICS_ALLOW_PRIVATE", False)
        self.SERVER_TIMING = env.bool("SERVER_TIMING", False)

        try:
            env.seal()
        except EnvValidationError as error:
            raise ConfigError(_explain(error)) from None
        self.check()

    def check(self) -> None:
        """Refuse combinations that no single variable shows to be wrong.

        :raises ConfigError: naming the variable.
        """


class DevelopmentConfig(Config):
    """On one's own machine: open, verbose, with the debugger under ``python run.py``."""

    DEFAULT_DEBUG = True
    DEFAULT_CORS_ORIGINS = "*"
    DEFAULT_LOG_FORMAT = "console"


class TestingConfig(Config):
    """Under pytest."""

    ENVIRONMENT = "testing"
    TESTING = True


class ProductionConfig(Config):
    """Facing callers: nothing is open that was not opened by a setting."""

    ENVIRONMENT = "production"

    def check(self) -> None:
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
    return CONFIGS[name]()


def _explain(error: EnvValidationError) -> str:
    messages: Mapping[str, list[str]] = dict(error.error_messages)  # type: ignore[arg-type] # as seal() makes it
    return "; ".join(
        f"{name}={os.environ.get(name)!r}: {' '.join(map(str, reasons))}"
        for name, reasons in messages.items()
    )
