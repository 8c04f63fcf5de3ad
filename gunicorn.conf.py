"""The production server's settings; the service's own are in config.py."""

import logging
import os
import re
import shutil
import sys
from functools import partial
from typing import Any

from gunicorn.glogging import Logger

from app.announcement import announce, log_notices
from app.middleware import draining
from app.middleware.logging import configure
from app.middleware.metrics import worker_slots
from app.settings.rules import host_fault
from config import ConfigError, load_config
from gunicorn_worker import balance, options, refusals

try:
    settings = load_config()
except ConfigError as error:
    sys.exit(f"Wrong configuration: {error}")

if fault := host_fault(settings):
    sys.exit(f"Wrong configuration: {fault}")

if (prefix := os.environ.get("SCRIPT_NAME", "")) and (prefix[0] != "/" or prefix[-1] == "/"):
    sys.exit(f"Wrong configuration: SCRIPT_NAME={prefix!r}: must begin with a slash and end without one")

bind = settings.authority
workers = settings.WORKERS
# Answers short requests in its main loop, and is safe with slow clients by itself; gunicorn_worker/worker.py
# says how. The threads are for requests that arrive in parts.
worker_class = options.WORKER
threads = 4
# A request that is answered in the loop for longer than this ends its process.
timeout = 30
# Models are loaded after the fork, by each worker for itself: inference sessions do not survive one.
preload_app = False
keepalive = settings.KEEP_ALIVE
graceful_timeout = 30
# A parser found in the environment must not replace this one unasked.
http_parser = "python"
# The socket is of no use here and fails on read-only file systems.
control_socket_disable = True
# What a request says of its scheme and prefix is not believed, wherever it comes from.
forwarded_allow_ips = ""
limit_request_line = 2048
limit_request_fields = settings.MAX_HEADERS
limit_request_field_size = settings.MAX_HEADER_SIZE


class ServiceLogger(Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's own lines go the way of the service's."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        try:
            configure(vars(settings))
        except ConfigError as error:
            sys.exit(f"Wrong configuration: {error}")
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(logging.NOTSET)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Without what the client sent: a malformed request may hold its key."""
        super().warning(INVALID_REQUEST.sub(r"\1", msg), *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Without the address asked for: its query may hold a key."""
        super().exception("Error handling request" if msg.startswith("Error handling") else msg, **kwargs)


INVALID_REQUEST = re.compile(r"(?s)(Invalid request from ip=.*?: [\w ()]*).*")
logger_class = ServiceLogger


def on_starting(server: Any) -> None:
    """Make the directory in which the workers count, or empty the one that was given.

    :raises SystemExit: if one of gunicorn's own options cannot be what it is.
    """
    server.made_directory = None
    if fault := options.options_fault(server.cfg, workers=settings.WORKERS):
        sys.exit(f"Wrong configuration: {fault}")
    if directory := settings.PROMETHEUS_MULTIPROC_DIR:
        try:
            worker_slots.wipe(directory)
        except OSError as error:
            sys.exit(f"Wrong configuration: PROMETHEUS_MULTIPROC_DIR={str(directory)!r}: {error.strerror}")
    else:
        server.made_directory = directory = worker_slots.make_directory()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    if os.geteuid() == 0:  # the workers may be somebody else, by gunicorn's user and group
        os.chown(directory, server.cfg.uid, server.cfg.gid)


def child_exit(server: Any, worker: Any) -> None:
    """A worker that has ended has no connections."""
    balance.forget(worker.age)


def on_exit(server: Any) -> None:
    """Remove the directory if it was made here, and no server that took over counts in it."""
    directory = server.made_directory
    if directory and not worker_slots.living(directory):
        shutil.rmtree(directory, ignore_errors=True)


def when_ready(server: Any) -> None:
    """Set what happens on SIGTERM; say what to know, and to people where it listens and a request to try."""
    if settings.DRAIN_SECONDS:
        draining.install(server, seconds=settings.DRAIN_SECONDS)
    log_notices(settings)
    if settings.LOG_FORMAT == "console":
        announce(settings, [str(listener) for listener in server.LISTENERS])


def post_worker_init(worker: Any) -> None:
    """Let what gunicorn refuses be answered as the app does, and the app see the requests that wait: beyond
    ``MAX_IN_FLIGHT`` they are refused.

    Other worker classes than the project's own do not say.
    """
    # Of the app, which only workers have loaded.
    from app.api.errors import page_without_request

    refusals.answer_by(partial(page_without_request, worker.wsgi))
    worker.is_administrative = worker.wsgi.extensions["route_table"].is_administrative
    if settings.MAX_IN_FLIGHT and hasattr(worker, "most_ready"):
        worker.most_ready = settings.MAX_IN_FLIGHT
        worker.wsgi.extensions["load_shedder"].waiting = worker.waiting
