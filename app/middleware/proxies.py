"""Client IP behind ``TRUSTED_PROXIES`` proxies: what they say in ``X-Forwarded-For``, and nobody else."""

from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def wrap(app: Flask, application: "WSGIApplication") -> "WSGIApplication":
    """Read ``X-Forwarded-For`` from its end, one entry for each proxy; without a proxy, never."""
    proxies = app.config["TRUSTED_PROXIES"]
    # A proxy's own idea of scheme and host is not needed, so not trusted.
    return ProxyFix(application, x_for=proxies, x_proto=0) if proxies else application
