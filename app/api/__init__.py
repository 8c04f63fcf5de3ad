"""HTTP in, HTTP out: one blueprint per subject."""

from flask import Flask

from app.api import errors, health, model_info, predictions

BLUEPRINTS = (health.bp, predictions.bp, model_info.bp)


def init_app(app: Flask) -> None:
    """Error rendering and the routes."""
    errors.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
