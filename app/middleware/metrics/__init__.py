"""What is counted, over all workers, and how is it read?"""

from flask import Flask, current_app

from app.middleware.metrics import instruments
from app.middleware.metrics.instruments import Instruments
from app.middleware.metrics.observer import MetricsObserver
from app.settings.process import from_command_line
from config import ConfigError

METRICS_EXTENSION = "metrics"


def instruments_of(app: Flask) -> Instruments:
    """The app's instruments, made once: shared by all workers where a directory is given.

    :raises ConfigError: if that directory cannot be made or written.
    """
    if METRICS_EXTENSION not in app.extensions:
        folder = app.config["PROMETHEUS_MULTIPROC_DIR"] if not from_command_line() else None
        try:
            made = instruments.shared(folder) if folder else instruments.private()
        except OSError as error:
            raise ConfigError(f"PROMETHEUS_MULTIPROC_DIR={str(folder)!r}: {error.strerror}") from None
        app.extensions[METRICS_EXTENSION] = made
    found: Instruments = app.extensions[METRICS_EXTENSION]
    return found


def of_app() -> Instruments:
    """The instruments of the running app."""
    return instruments_of(current_app)


def observer(app: Flask) -> MetricsObserver:
    """The observer that counts what happens in the app's data plane."""
    return MetricsObserver(instruments_of(app), log_inputs=app.config["LOG_INPUTS"])


def count_rejected(reason: str) -> None:
    """Count a rejected request."""
    of_app().rejected.labels(reason).inc()
