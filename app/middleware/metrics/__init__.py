"""Counts each request and what happens behind the door; ``/metrics`` and ``/api/stats`` show the sums."""

import os
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from time import perf_counter
from typing import Any

from flask import Flask, Response, current_app, g, request

from app.middleware.logging import UNMATCHED, method_label
from app.middleware.metrics import instruments
from app.middleware.metrics.instruments import REFUSALS, Instruments
from app.middleware.metrics.observer import MetricsObserver

EXTENSION = "metrics"
# By which a proxy tells of itself. One that sends none of them is taken for its clients: the networks of
# METRICS_ALLOW_PRIVATE can leave it out.
PROXY_HEADERS = frozenset(
    f"HTTP_{name}"
    for name in (
        *("FORWARDED", "VIA", "X_FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO"),
        *("X_FORWARDED_PORT", "X_FORWARDED_SERVER", "X_FORWARDED_PREFIX", "X_REAL_IP", "X_CLIENT_IP"),
        *("CF_CONNECTING_IP", "TRUE_CLIENT_IP", "X_CLUSTER_CLIENT_IP", "X_ORIGINAL_FORWARDED_FOR"),
        *("X_ENVOY_EXTERNAL_ADDRESS", "X_AMZN_TRACE_ID", "X_CLOUD_TRACE_CONTEXT", "CDN_LOOP"),
    )
)


def init_app(app: Flask) -> None:
    """Count requests."""
    counted = instruments_of(app)
    app.after_request(RequestCounter(counted))
    app.wsgi_app = InFlight(app.wsgi_app, counted)  # type: ignore[method-assign] # as Flask's documentation does


def instruments_of(app: Flask) -> Instruments:
    """The app's instruments, made once: shared by all workers where a directory is given."""
    if EXTENSION not in app.extensions:
        # CLI processes share the settings but must not join the workers' metrics.
        shares = os.environ.get("FLASK_RUN_FROM_CLI") != "true"
        directory = app.config["PROMETHEUS_MULTIPROC_DIR"] if shares else None
        app.extensions[EXTENSION] = instruments.shared(directory) if directory else instruments.private()
    found: Instruments = app.extensions[EXTENSION]
    return found


def observer(app: Flask) -> MetricsObserver:
    """The observer that counts what happens in the app's data plane."""
    return MetricsObserver(instruments_of(app), log_inputs=app.config["LOG_INPUTS"])


def of_app() -> Instruments:
    """The metrics of the running app."""
    found: Instruments = current_app.extensions[EXTENSION]
    return found


def refused(reason: str) -> None:
    """Count a request that was refused; a reason not in `REFUSALS` counts as ``other``."""
    of_app().refused.labels(reason if reason in REFUSALS else "other").inc()


def open_without_key() -> bool:
    """Whether the running request may read ``/metrics`` without a key: it comes from a network that
    ``METRICS_ALLOW_PRIVATE`` opens, and no header says that a proxy on one has passed it on."""
    networks = current_app.config["METRICS_ALLOW_PRIVATE"]
    if not networks or not PROXY_HEADERS.isdisjoint(request.environ):
        return False
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)


class RequestCounter:
    """Counts an answered request. The children for its labels are kept: finding one costs 2 µs."""

    def __init__(self, counted: Instruments) -> None:
        self._instruments = counted
        self._requests: dict[tuple[str, str, int], Callable[[], None]] = {}
        self._durations: dict[str, Callable[[float], None]] = {}

    def __call__(self, response: Response) -> Response:
        asked = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
        rule = asked.url_rule
        route = rule.rule if rule else UNMATCHED
        key = (route, method_label(asked.environ["REQUEST_METHOD"]), response.status_code)
        count = self._requests.get(key) or self._bind(key)
        count()
        self._durations[route](perf_counter() - g.record.started)
        self._instruments.recent.count()
        return response

    def _bind(self, key: tuple[str, str, int]) -> Callable[[], None]:
        route = key[0]
        self._durations.setdefault(route, self._instruments.duration.labels(route).observe)
        return self._requests.setdefault(key, self._instruments.requests.labels(*key).inc)


class InFlight:
    """WSGI middleware, because it must count down however a request ends."""

    def __init__(self, app: Callable[..., Iterable[bytes]], counted: Instruments) -> None:
        self._app = app
        self._up = counted.in_flight.inc
        self._down = counted.in_flight.dec

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self._up()
        try:
            return self._app(environ, start_response)
        finally:
            self._down()
