"""HTTP in, HTTP out: one blueprint per subject."""

from flask import Flask

from app.api import errors, health, metrics, model_info, models, named_predictions, predictions, stats

BLUEPRINTS = (health.bp, predictions.bp, model_info.bp, models.bp, named_predictions.bp, stats.bp, metrics.bp)


def init_app(app: Flask) -> None:
    """Error rendering and the routes."""
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
