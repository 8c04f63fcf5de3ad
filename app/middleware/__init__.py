"""What runs around a request, and in which order?

A module of `WSGI` has ``wrap(app, application)``, which returns the WSGI application with a layer around it.
A module of `HOOKS` has ``init_app(app)``, which registers at most one function before requests and one after.
"""

from flask import Flask

from app.middleware import cors, load_shedding, proxies, request_id, security_headers, server_timing
from app.middleware.auth import authentication
from app.middleware.logging import request_log
from app.middleware.metrics import request_counter
from app.middleware.rate_limit import rate_limiter

# Outermost first.
WSGI = (
    proxies,
    security_headers,
    load_shedding,
    request_counter,
)
# Before the view from top to bottom, after it from bottom to top.
HOOKS = (
    request_id,
    request_log,
    request_counter,
    server_timing,
    load_shedding,
    authentication,
    rate_limiter,
    cors,
)


def init_app(app: Flask) -> None:
    """Put both lists around the app."""
    for layer in reversed(WSGI):
        app.wsgi_app = layer.wrap(app, app.wsgi_app)  # type: ignore[method-assign] # as Flask documents it
    for hook in HOOKS:
        hook.init_app(app)
