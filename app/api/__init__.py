"""HTTP in, HTTP out: one blueprint per subject."""

from flask import Flask

from app.api import errors, health, metrics, model_info, predictions, stats
from app.api.json_provider import OrjsonProvider

BLUEPRINTS = (health.bp, predictions.bp, model_info.bp, stats.bp, metrics.bp)


def init_app(app: Flask) -> None:
    """JSON, error rendering and the routes."""
    app.json = OrjsonProvider(app)
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
