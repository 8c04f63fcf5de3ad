"""HTTP in, HTTP out: one blueprint per subject."""

from collections.abc import Sequence

from flask import Blueprint, Flask

from app.api import errors, health, metrics, model_info, models, named_predictions, predictions, stats
from app.api.dialects import sagemaker

BLUEPRINTS = (
    health.bp,
    predictions.bp,
    model_info.bp,
    models.bp,
    named_predictions.bp,
    stats.bp,
    metrics.bp,
    sagemaker.bp,
)


def init_app(app: Flask, added: Sequence[Blueprint] = ()) -> None:
    """Error rendering and the routes, with those that were ``added``."""
    errors.init_app(app)
    app.url_map.merge_slashes = False  # /api//predict is no address, and no redirect to one
    for blueprint in (*BLUEPRINTS, *added):
        app.register_blueprint(blueprint)
