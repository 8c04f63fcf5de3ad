"""Which web pages may call the API: none unless listed in ``CORS_ORIGINS``."""

from flask import Flask
from flask_cors import CORS

# What a page may read of an answer beside its body.
EXPOSED = ("X-Request-ID", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
# For which a browser does not ask again whether a page may call; Chromium's most is 7,200.
PREFLIGHT_SECONDS = 7_200


def init_app(app: Flask) -> None:
    """Bind Flask-CORS only where an origin is allowed: it works on every request otherwise."""
    if origins := app.config["CORS_ORIGINS"]:
        CORS(
            app,
            origins=origins,
            resources=r"/api/*",
            send_wildcard=origins == ["*"],
            expose_headers=EXPOSED,
            max_age=PREFLIGHT_SECONDS,
        )
