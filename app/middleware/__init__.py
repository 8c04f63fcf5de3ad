"""What runs around every request, in this order."""

from flask import Flask

from app.middleware import cors, logging, metrics, request_id, server_timing

MIDDLEWARE = (request_id, logging, metrics, server_timing, cors)


def init_app(app: Flask) -> None:
    """Bind each in turn."""
    for module in MIDDLEWARE:
        module.init_app(app)
