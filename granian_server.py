"""Server on Granian instead of gunicorn, with the same settings: ``make run SERVER=granian``."""

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
    """Serve ``run:app`` with the settings of config.py until a signal stops it."""
    try:
        settings = load_config()
        configure(vars(settings))
    except ConfigError as error:
        sys.exit(f"Wrong configuration: {error}")
    if fault := host_fault(settings):
        sys.exit(f"Wrong configuration: {fault}")
    # The directory of the workers' metrics must be known before they start.
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(worker_slots.make_directory()))
    server = Granian(
        "run:app",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WORKERS,
        # The GIL lets one thread run at a time; a second one costs a quarter more CPU per request.
        blocking_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=64,  # requests that wait for the thread; more wait in the backlog
        # By default a dead worker ends the service, and a hanging one blocks its stop.
        respawn_failed_workers=True,
        workers_kill_timeout=30,
    )
    server.on_startup(lambda: announce(settings, [f"http://{settings.authority}"]))
    server.on_startup(lambda: log_notices(settings))
    server.serve()


if __name__ == "__main__":
    main()
