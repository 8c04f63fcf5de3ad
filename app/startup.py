"""Start of a server process: build the app, load its models, or end with one line that says why not."""

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from app.exceptions import ArtifactInvalid, ServiceError
from app.middleware.metrics.traffic_history import history_of
from app.models.loading.loader import AUTO
from app.models.ml_models import model_manager
from app.models.serving.initial_load import load_active_or_previous
from app.models.serving.served_model import DEFAULT
from app.models.serving.watcher import RegistryWatcher
from app.pages.openapi_document import EXTENSION
from app.settings.process import exempt_from_collection, keep_freed_memory, serving
from config import ConfigError

if TYPE_CHECKING:
    from flask import Flask

# Exit status of gunicorn's `Arbiter.WORKER_BOOT_ERROR`: the server ends instead of starting the worker again.
BOOT_ERROR = 3


def end(error: Exception) -> NoReturn:
    """End the process with one line about a wrong setting."""
    print(f"Wrong configuration: {error}", file=sys.stderr, flush=True)
    sys.exit(BOOT_ERROR)


def start(build: "Callable[[], Flask]") -> "Flask":
    """Make the app with ``build`` and load its models; end the process if a setting is wrong."""
    try:
        app = build()
    except ConfigError as error:
        end(error)
    with app.app_context():
        registry = model_manager.registry
    # CLI processes manage versions but serve none, so no activation may wait for them.
    if not serving():
        return app
    keep_freed_memory()
    try:
        load_active_or_previous(registry[DEFAULT])
    except ServiceError as error:
        if isinstance(error, ArtifactInvalid) and app.config["MODEL_ENGINE"] != AUTO:
            end(error)
        # Without a model the service starts, answers 503, and says so at /api/health.
        logging.getLogger(__name__).error("no model to serve", extra={"reason": error.message})
    registry.load_all()
    # Follow activations by other processes.
    RegistryWatcher(registry).start()
    history_of(app).start()
    app.extensions[EXTENSION].start(registry)
    exempt_from_collection()
    return app
