"""The application factory. Importing the package is cheap and needs no Flask: see ``app.models``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.middleware.route_table import Routes
    from app.models.ports import Observer
    from config import Config


def create_app(
    config: "Config | str | None" = None,
    *,
    blueprints: "Sequence[Routes]" = (),
    observers: "Sequence[Observer]" = (),
) -> "Flask":
    """Build the service.

    :param config: settings, or the name of an environment; by default what ``APP_ENV`` names.
    :param blueprints: rows for more routes than the service's own, as in `app.api.ROUTES`.
    :param observers: of what happens to the models, besides the metrics.
    :raises ConfigError: if a setting is wrong.
    :raises ValueError: if a row contradicts another.
    """
    from functools import partial

    from flask import current_app

    from app import api, cli, middleware, pages
    from app.flask_fast.application import FastFlask
    from app.middleware import metrics
    from app.middleware.prediction_cache import prediction_cache
    from app.models.ml_models import model_manager
    from config import Config, load_config

    app = FastFlask(__name__, static_folder=None)
    settings = config if isinstance(config, Config) else load_config(config)
    app.config.from_object(settings)
    model_manager.init_app(
        app,
        cache=prediction_cache(app),
        observers=[metrics.observer(app), *observers],
        current_app=current_app._get_current_object,  # type: ignore[attr-defined] # a LocalProxy
    )
    api.init_app(app, (*pages.routes(app.config), *blueprints))
    middleware.init_app(app)  # after the routes: scopes and limits are read from their table
    cli.init_app(app, settings, partial(create_app, blueprints=blueprints))
    app.warn_of_missing_parts()
    return app
