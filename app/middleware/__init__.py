"""What runs around every request, in this order."""

from flask import Flask

from app.middleware import (
    cors,
    load_shedding,
    logging,
    metrics,
    proxies,
    rate_limit,
    request_id,
    security_headers,
    server_timing,
)
from app.middleware.auth import authentication

MIDDLEWARE = (
    proxies,
    request_id,
    logging,
    metrics,
    server_timing,
    load_shedding,
    authentication,
    rate_limit,
    security_headers,
    cors,
)


def init_app(app: Flask) -> None:
    """Bind each in turn."""
    for module in MIDDLEWARE:
        module.init_app(app)
