"""The service's own settings, and what this example adds to them."""

from environs import EnvValidationError, validate

from app.settings.rules import Environment
from config import ROOT, Config, ConfigError, load_config

NAME = "sentiment"
DEFAULT_STORE = ROOT / "models"


def load_settings(environment: str | None = None) -> Config:
    """The settings; without ``MODELS_DIR`` the store is the folder of this model's name.

    :raises ConfigError: naming the variable that is wrong.
    """
    settings = load_config(environment)
    if settings.MODELS_DIR == DEFAULT_STORE:
        settings.MODELS_DIR = DEFAULT_STORE / NAME
    return settings


def max_text_length() -> int:
    """``MAX_TEXT_LENGTH``, the most characters of one text, by default 5,000.

    :raises ConfigError: if it is not a positive integer.
    """
    env = Environment(strip_whitespace=True)
    try:
        return env.int("MAX_TEXT_LENGTH", 5_000, validate=validate.Range(1))
    except EnvValidationError as error:
        raise ConfigError(f"MAX_TEXT_LENGTH: {error}") from None
