"""What runs around every request, in this order."""

from flask import Flask

from app.middleware import authentication, cors, logging, request_id

MIDDLEWARE = (request_id, logging, authentication, cors)


def init_app(app: Flask) -> None:
    """Bind each in turn."""
    for module in MIDDLEWARE:
        module.init_app(app)
