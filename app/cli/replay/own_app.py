"""This installation in this process, open to the replay: its models, without keys, limits and logs."""

from collections.abc import Callable
from contextlib import suppress
from copy import copy

from flask import Flask, current_app

from app.exceptions import ModelNotLoaded, ServiceError
from app.models.ml_models import model_manager
from app.models.serving.served_model import DEFAULT
from config import Config

BUILD = "replay.build"
# What concerns callers. A line per replayed request would bury the service's own, and none is a caller's.
OPEN = {
    "AUTH_DISABLED": True,
    "API_KEYS": {},  # nor do they stay in memory for this
    "RATE_LIMIT": "",
    "RATE_LIMIT_ROWS": "",
    "RATE_LIMIT_ADMIN": "",
    "REDIS_URL": "",
    "CACHE_MODE": "off",
    "LOG_LEVEL": "CRITICAL",
    "LOG_FILE": None,
    "LOG_INPUTS": False,
    "PROMETHEUS_MULTIPROC_DIR": None,
}


def init_app(app: Flask, settings: Config, build: Callable[[Config], Flask]) -> None:
    """Remember how to build an app like this one, but open.

    :param build: makes an app of settings.
    """
    opened = copy(settings)
    vars(opened).update(OPEN)
    app.extensions[BUILD] = lambda: build(opened)


def open_app(model: str, *, named: bool) -> Flask:
    """An app like the current one, with its models loaded.

    :param model: that must be usable, unless it has no version, was not ``named``, and another one is usable;
        of the others those are loaded that are.
    :raises ServiceError: why it is not.
    """
    app: Flask = current_app.extensions[BUILD]()
    others = False
    with app.app_context():
        registry = model_manager.registry
        for name in {DEFAULT, *registry.names()} - {model}:
            with suppress(ServiceError):
                registry[name].load()
                others = True
        try:
            registry[model].load()
        except ModelNotLoaded:
            if named or not others:
                raise
    return app
