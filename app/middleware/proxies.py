"""Whose address a request has: the client's, as told by ``TRUSTED_PROXIES`` proxies and nobody else."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix


def init_app(app: Flask) -> None:
    """Read ``X-Forwarded-For`` from its end, one entry for each proxy; without one, never."""
    if proxies := app.config["TRUSTED_PROXIES"]:
        # The proxy's own idea of scheme and host is not needed, so not trusted.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign] # as Flask documents it
