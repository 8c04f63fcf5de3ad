"""Every setting, read once from the environment.

The file ``.env`` beside this module adds variables that the environment does not set. ``NAME_FILE`` may name
a file that holds the value of ``NAME``, as container secrets do. A wrong value stops the start with a
`ConfigError` that names the variable.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import load_dotenv
from environs import EnvValidationError, validate

from app.settings import capacity
from app.settings.rate_limits import one_rate, rates
from app.settings.rules import (
    Environment,
    authentication_fault,
    limits_fault,
    networks,
    origins,
    path_prefix,
    route,
    store_fault,
)
from app.settings.secrets import LONGEST_KEY, SECRET_NAMES, ed25519_public_key, unguessable

ROOT = Path(__file__).resolve().parent
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SCOPES = ("predict", "admin", "metrics")
DIALECTS = ("native", "v2", "mlflow", "sagemaker", "vertex", "azure", "tfserving")
JWT_ALGORITHMS = ("HS256", "RS256", "ES256")

LONGEST_BODY = 10_000_000  # bytes, whatever the model
BYTES_IN_FLIGHT = 16_000_000  # bytes of all bodies that one worker holds at a time
DERIVED = None  # default of settings that otherwise follow from others


class ConfigError(ValueError):
    """A setting is wrong; the message names the variable, its value unless secret, and what was expected."""


class Config:
    """Settings shared by all environments; subclasses state only what differs."""

    ENVIRONMENT = "development"
    TESTING = False
    DEFAULT_DEBUG = False
    DEFAULT_CORS_ORIGINS: tuple[str, ...] = ()
    DEFAULT_LOG_FORMAT = "json"
    DEFAULT_RATE_LIMIT = ""
    DEFAULT_RATE_LIMIT_ADMIN = ""
    DEFAULT_DRAIN_SECONDS = 0.0

    def __init__(self) -> None:
        env = Environment(eager=False, strip_whitespace=True)
        between = validate.Range
        one_of = validate.OneOf

        # Server
        self.HOST = env.str("HOST", "127.0.0.1")
        self.PORT = env.int("PORT", 5000, validate=between(1, 65535))
        self.WORKERS = env.int("WORKERS", capacity.workers(), validate=between(1, 256))
        self.SCRIPT_NAME = env.str("SCRIPT_NAME", "", validate=path_prefix)
        self.KEEP_ALIVE = env.int("KEEP_ALIVE", 75, validate=between(0, 86_400))
        self.MAX_HEADERS = env.int("MAX_HEADERS", 100, validate=between(10, 1000))
        self.MAX_HEADER_SIZE = env.int("MAX_HEADER_SIZE", 16_384, validate=between(1024, 32_768))
        self.DRAIN_SECONDS = env.float("DRAIN_SECONDS", self.DEFAULT_DRAIN_SECONDS, validate=between(0, 3600))
        self.DEBUG = env.bool("DEBUG", self.DEFAULT_DEBUG)

        # Requests
        most_bytes = env.int("MAX_CONTENT_LENGTH", DERIVED, validate=between(1))
        self.BODY_FOLLOWS_MODEL = most_bytes is None
        self.MAX_CONTENT_LENGTH = most_bytes or LONGEST_BODY
        bytes_in_flight = env.int("MAX_BYTES_IN_FLIGHT", DERIVED, validate=between(1))
        self.MAX_BYTES_IN_FLIGHT = bytes_in_flight or max(BYTES_IN_FLIGHT, self.MAX_CONTENT_LENGTH)
        self.MAX_BATCH_SIZE = env.int("MAX_BATCH_SIZE", 100, validate=between(1))
        self.MAX_ROWS = env.int("MAX_ROWS", 100_000, validate=between(1))
        self.CORS_ORIGINS = env.list("CORS_ORIGINS", list(self.DEFAULT_CORS_ORIGINS), validate=origins)

        self.DIALECTS = env.list("DIALECTS", list(DIALECTS), validate=validate.ContainsOnly(DIALECTS))
        self.CONSOLE = env.bool("CONSOLE", True)
        # Vertex AI sets these three.
        self.PORT = env.int("AIP_HTTP_PORT", self.PORT, validate=between(1, 65535))
        self.AIP_HEALTH_ROUTE = env.str("AIP_HEALTH_ROUTE", "", validate=route)
        self.AIP_PREDICT_ROUTE = env.str("AIP_PREDICT_ROUTE", "", validate=route)

        # Limits
        self.RATE_LIMIT = env.str("RATE_LIMIT", self.DEFAULT_RATE_LIMIT, validate=rates)
        self.RATE_LIMIT_ROWS = env.str("RATE_LIMIT_ROWS", "", validate=rates)
        self.RATE_LIMIT_ADMIN = env.str("RATE_LIMIT_ADMIN", self.DEFAULT_RATE_LIMIT_ADMIN, validate=rates)
        self.MAX_IN_FLIGHT = env.int("MAX_IN_FLIGHT", 64, validate=between(0))
        self.TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=between(0, 10))

        # Shared store
        self.REDIS_URL = env.str("REDIS_URL", "")

        # Model
        self.MODELS_DIR = env.optional_path("MODELS_DIR") or ROOT / "models"
        self.MODEL_ENGINE = env.str("MODEL_ENGINE", "auto")  # `MLModelManager.init_app` checks it
        self.MODEL_SIGNING_KEY = env.str("MODEL_SIGNING_KEY", None, validate=unguessable)
        self.MODEL_PUBLIC_KEY = env.str("MODEL_PUBLIC_KEY", None, validate=ed25519_public_key)
        self.SKLEARN_VERSION_POLICY = env.str(
            "SKLEARN_VERSION_POLICY", "refuse", validate=one_of(("refuse", "warn"))
        )
        self.OUTLIER_POLICY = env.str(
            "OUTLIER_POLICY", "flag", validate=one_of(("off", "flag", "clamp", "reject"))
        )
        self.OUTLIER_TOLERANCE = env.float("OUTLIER_TOLERANCE", 1.0, validate=between(0))

        # Canary
        self.CANARY_MIN_REQUESTS = env.int("CANARY_MIN_REQUESTS", 100, validate=between(1))
        self.CANARY_MAX_ERROR_RATE = env.float("CANARY_MAX_ERROR_RATE", 0.05, validate=between(0, 1))
        self.CANARY_MAX_LATENCY_RATIO = env.float("CANARY_MAX_LATENCY_RATIO", 2.0, validate=between(1))

        # Authentication
        self.AUTH_DISABLED = env.bool("AUTH_DISABLED", False)
        self.AUTH_FAILURE_LIMIT = env.str("AUTH_FAILURE_LIMIT", "20/minute", validate=one_rate)
        self.API_KEYS = env.numbered("API_KEY_1", validate=(unguessable, validate.Length(max=LONGEST_KEY)))
        some_scopes = (validate.Length(min=1), validate.ContainsOnly(SCOPES))
        self.API_KEY_SCOPES = env.list("API_KEY_SCOPES", ["predict"], validate=some_scopes)
        self.API_KEY_PEPPER = env.str("API_KEY_PEPPER", None, validate=unguessable)
        self.API_KEYS_FILE = env.optional_path("API_KEYS_FILE")
        self.JWT_ALGORITHM = env.str("JWT_ALGORITHM", "HS256", validate=one_of(JWT_ALGORITHMS))
        self.JWT_SECRET = env.str("JWT_SECRET", None, validate=(unguessable, validate.Length(min=32)))
        self.JWT_PUBLIC_KEY = env.str("JWT_PUBLIC_KEY", None)
        self.JWT_AUDIENCE = env.str("JWT_AUDIENCE", None, validate=validate.Length(min=1))
        self.JWT_ISSUER = env.str("JWT_ISSUER", None, validate=validate.Length(min=1))
        self.JWT_SCOPE_CLAIM = env.str("JWT_SCOPE_CLAIM", "scope", validate=validate.Length(min=1))

        # Cache
        self.CACHE_MODE = env.str("CACHE_MODE", "fast", validate=one_of(("fast", "all", "off")))
        self.CACHE_SIZE = env.int("CACHE_SIZE", 10_000, validate=between(1))
        self.CACHE_TTL = env.int("CACHE_TTL", 300, validate=between(1, 31_536_000))

        # Logs
        self.LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=one_of(LOG_LEVELS))
        self.LOG_FORMAT = env.str("LOG_FORMAT", self.DEFAULT_LOG_FORMAT, validate=one_of(("json", "console")))
        self.LOG_FILE = env.optional_path("LOG_FILE")
        self.LOG_INPUTS = env.bool("LOG_INPUTS", False)

        # Metrics
        self.PROMETHEUS_MULTIPROC_DIR = env.optional_path("PROMETHEUS_MULTIPROC_DIR")
        private = env.list("METRICS_ALLOW_PRIVATE", ["false"], validate=networks)
        self.SERVER_TIMING = env.bool("SERVER_TIMING", False)

        try:
            env.seal()
        except EnvValidationError as error:
            raise ConfigError(_explain(error)) from None
        self.METRICS_ALLOW_PRIVATE = networks(private)
        self.check()

    def check(self) -> None:
        """Check combinations of settings, each of which is valid alone.

        :raises ConfigError: naming the variable.
        """
        if fault := authentication_fault(self) or limits_fault(self) or store_fault(self):
            raise ConfigError(fault)

    @property
    def AUTH_REQUIRED(self) -> bool:  # noqa: N802 # app.config takes only upper-case names
        """Whether clients need an API key or a token."""
        configured = self.API_KEYS or self.API_KEYS_FILE or self.JWT_SECRET or self.JWT_PUBLIC_KEY
        return bool(configured) and not self.AUTH_DISABLED

    @property
    def authority(self) -> str:
        """Host and port as in a URL, with an IPv6 address in brackets."""
        host = f"[{self.HOST}]" if ":" in self.HOST else self.HOST
        return f"{host}:{self.PORT}"

    def notices(self) -> list[str]:
        """Warnings about settings that are valid but may surprise."""
        notices = []
        if not self.AUTH_REQUIRED and not self.TESTING:
            notices.append("Authentication is off: every caller may do everything")
        limits = {"RATE_LIMIT": self.RATE_LIMIT, "RATE_LIMIT_ROWS": self.RATE_LIMIT_ROWS}
        for name, limit in limits.items():
            if limit and not self.REDIS_URL and self.WORKERS > 1:
                notices.append(
                    f"Without REDIS_URL each of {self.WORKERS} workers counts for itself and admits "
                    f"1/{self.WORKERS} of {name} ({limit})"
                )
        return notices


class DevelopmentConfig(Config):
    """Local development: open, verbose, with the debugger under ``python run.py``."""

    DEFAULT_DEBUG = True
    DEFAULT_CORS_ORIGINS = ("*",)
    DEFAULT_LOG_FORMAT = "console"


class TestingConfig(Config):
    """Settings for pytest."""

    ENVIRONMENT = "testing"
    TESTING = True


class ProductionConfig(Config):
    """Production: nothing is open unless a setting opens it."""

    ENVIRONMENT = "production"
    DEFAULT_RATE_LIMIT = "1000/minute"
    DEFAULT_RATE_LIMIT_ADMIN = "300/minute"
    DEFAULT_DRAIN_SECONDS = 5.0

    def check(self) -> None:
        if self.DEBUG:
            raise ConfigError("DEBUG=true: must be off when APP_ENV=production")
        super().check()
        if not self.AUTH_REQUIRED and not self.AUTH_DISABLED:
            raise ConfigError(
                "API_KEYS_FILE, API_KEY_1, JWT_SECRET and JWT_PUBLIC_KEY are not set: APP_ENV=production"
                " needs one of them, or AUTH_DISABLED=true to serve everybody"
            )


CONFIGS: dict[str, type[Config]] = {
    config.ENVIRONMENT: config for config in (DevelopmentConfig, TestingConfig, ProductionConfig)
}


def load_config(environment: str | None = None) -> Config:
    """Read the settings of ``environment``, by default that of ``APP_ENV``.

    The process's environment has precedence over ``.env``, which tests do not read.

    :raises ConfigError: naming the variable that is wrong.
    """
    if "testing" not in (environment, os.environ.get("APP_ENV")):
        _read_env_file()
    name = environment or os.environ.get("APP_ENV", DevelopmentConfig.ENVIRONMENT)
    if name not in CONFIGS:
        raise ConfigError(f"APP_ENV={name!r}: must be one of {', '.join(CONFIGS)}")
    try:
        return CONFIGS[name]()
    except ConfigError:
        raise
    except ValueError as error:  # an unreadable NAME_FILE is raised at once
        raise ConfigError(str(error)) from None


def _read_env_file() -> None:
    try:
        load_dotenv(ROOT / ".env")
    except OSError as error:
        raise ConfigError(f".env: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(".env: holds no text in UTF-8") from None


def _explain(error: EnvValidationError) -> str:
    messages: Mapping[str, list[str]] = dict(error.error_messages)  # type: ignore[arg-type] # as seal() makes it
    return "; ".join(
        f"{name}={_shown(name)}: {' '.join(map(str, reasons))}" for name, reasons in messages.items()
    )


def _shown(name: str) -> str:
    return "***" if SECRET_NAMES.fullmatch(name) else repr(os.environ.get(name))
