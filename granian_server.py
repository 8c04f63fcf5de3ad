"""Serves ``run:app`` on Granian, a server written in Rust: ``make run SERVER=granian``."""

import os
import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from app.announcement import announce, log_notices
from app.middleware.logging import configure
from app.middleware.metrics import worker_slots
from app.settings.rules import host_fault
from config import ConfigError, load_config


def main() -> None:
    """Serve until told to stop, with the settings of config.py."""
    try:
        settings = load_config()
        configure(vars(settings))
    except ConfigError as error:
        sys.exit(f"Wrong configuration: {error}")
    if fault := host_fault(settings):
        sys.exit(f"Wrong configuration: {fault}")
    # Before the workers start: the directory in which they count together.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(worker_slots.make_directory()))
    server = Granian(
        "run:app",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WORKERS,
        # One thread runs Python at a time anyway; a second one costs a quarter more CPU per request.
        blocking_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        # Requests that wait for the one thread; the rest waits in the backlog.
        backpressure=64,
        # Without these two, one process that dies ends the service, and one that hangs cannot be stopped.
        respawn_failed_workers=True,
        workers_kill_timeout=30,
    )
    server.on_startup(lambda: announce(settings, [f"http://{settings.authority}"]))
    server.on_startup(lambda: log_notices(settings))
    server.serve()


if __name__ == "__main__":
    main()
