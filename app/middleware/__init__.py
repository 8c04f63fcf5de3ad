"""What runs around every request, in this order."""

from flask import Flask

from app.middleware import cors, logging, prediction_cache, request_id

MIDDLEWARE = (request_id, logging, cors, prediction_cache)


def init_app(app: Flask) -> None:
    """Bind each in turn."""
    for module in MIDDLEWARE:
        module.init_app(app)
