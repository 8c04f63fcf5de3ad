"""The application factory. Importing the package is cheap and needs no Flask: see ``app.models``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from config import Config


def create_app(config: "Config | str | None" = None, *, blueprints: "Sequence[Blueprint]" = ()) -> "Flask":
    """Build the service.

    :param config: settings, or the name of an environment; by default what ``APP_ENV`` names.
    :param blueprints: more routes than the service's own; `app.middleware.auth.scopes.declare` their scopes.
    :raises ConfigError: if a setting is wrong.
    """
    from app import api, cli, middleware
    from app.flask_fast.application import FastFlask
    from app.models.ml_models import model_manager
    from config import Config, load_config

    app = FastFlask(__name__, static_folder=None)
    app.config.from_object(config if isinstance(config, Config) else load_config(config))
    model_manager.init_app(app, current_app=_running_app)
    middleware.init_app(app)
    api.init_app(app, blueprints)
    cli.init_app(app)
    app.warn_of_missing_parts()
    return app


def _running_app() -> "Flask | None":
    """The app of the running request, or None outside of one."""
    from flask import current_app

    return current_app._get_current_object() if current_app else None  # type: ignore[attr-defined] # a LocalProxy
