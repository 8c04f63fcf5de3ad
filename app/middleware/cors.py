"""Which web pages may call the API: none unless listed in ``CORS_ORIGINS``."""

from flask import Flask
from flask_cors import CORS


def init_app(app: Flask) -> None:
    """Bind Flask-CORS only where an origin is allowed: it works on every request otherwise."""
    if origins := app.config["CORS_ORIGINS"]:
        CORS(app, origins=origins, resources=r"/api/*", send_wildcard=origins == ["*"])
