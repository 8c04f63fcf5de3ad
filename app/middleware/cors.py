"""CORS: web pages of the origins in ``CORS_ORIGINS`` may call the API, no others."""

import re

from flask import Flask
from flask_cors import CORS

# Headers that a page may read.
EXPOSED = ("X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


def init_app(app: Flask) -> None:
    """Bind Flask-CORS only where an origin is allowed: otherwise it would work on every request."""
    if origins := app.config["CORS_ORIGINS"]:
        CORS(
            app,
            # In a text with brackets, which an IPv6 address has, Flask-CORS would see a pattern.
            origins=[_literal(origin) if "[" in origin else origin for origin in origins],
            resources=r"/api/*",
            send_wildcard=origins == ["*"],
            expose_headers=EXPOSED,
            max_age=7_200,  # s; Chromium keeps the answer to a preflight no longer
        )


def _literal(origin: str) -> re.Pattern[str]:
    return re.compile(re.escape(origin) + r"\Z")
