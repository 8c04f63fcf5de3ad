"""How a server process starts: build the app, load its model, or end with one line that says why not."""

import gc
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from app.exceptions import ArtifactInvalid, ServiceError
from app.models.loading.loader import AUTO
from app.models.ml_models import model_manager
from app.models.serving.initial_load import load_active_or_previous
from app.models.serving.served_model import DEFAULT
from app.models.serving.watcher import RegistryWatcher
from app.settings.process import serving
from config import ConfigError

if TYPE_CHECKING:
    from flask import Flask


# With which a worker of gunicorn ends all of it; with another it would be started again and again.
BOOT_ERROR = 3


def end(error: Exception) -> NoReturn:
    """End the process with a line about a wrong setting."""
    print(f"Wrong configuration: {error}", file=sys.stderr, flush=True)
    sys.exit(BOOT_ERROR)


def start(build: "Callable[[], Flask]") -> "Flask":
    """The app that ``build`` makes, with its model loaded; ends the process where a setting is wrong."""
    try:
        app = build()
    except ConfigError as error:
        end(error)
    with app.app_context():
        registry = model_manager.registry
    # The commands of ``flask`` look after versions; they serve none, and no worker has to wait for them.
    if not serving():
        return app
    try:
        load_active_or_previous(registry[DEFAULT])
    except ServiceError as error:
        if isinstance(error, ArtifactInvalid) and app.config["MODEL_ENGINE"] != AUTO:
            end(error)
        # Without a model the service answers 503 and says so at /api/health.
        logging.getLogger(__name__).error("no model to serve", extra={"reason": error.message})
    registry.load_all()
    # From here on what another process activates is served by this one too.
    RegistryWatcher(registry).start()
    # The libraries' 150,000 objects stay to the end. Frozen, they are not looked at by the collector, which
    # would stop every request for 130 ms, nor written to.
    gc.collect()
    gc.freeze()
    return app
