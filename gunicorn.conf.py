"""gunicorn's settings; those of the service are in config.py."""

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
from gunicorn_worker import balance, rejections
from gunicorn_worker.options.resources import resources_fault
from gunicorn_worker.options.start import judge_options
from gunicorn_worker.options.values import WORKER, values_fault

try:
    settings = load_config()
except ConfigError as error:
    sys.exit(f"Wrong configuration: {error}")

# gunicorn itself takes the prefix off the paths, by this variable.
os.environ["SCRIPT_NAME"] = settings.SCRIPT_NAME

if fault := host_fault(settings):
    sys.exit(f"Wrong configuration: {fault}")

bind = settings.authority
workers = settings.WORKERS
# Answers short requests in its main loop and needs no proxy against slow clients: gunicorn_worker/README.md.
# The threads read long and chunked requests.
worker_class = WORKER
threads = 4
# Seconds: a request that occupies the main loop for longer ends its process.
timeout = 30
# Each worker loads its models after the fork, which the libraries' threads do not survive:
# https://github.com/dmlc/xgboost/issues/8040
preload_app = False
keepalive = settings.KEEP_ALIVE
graceful_timeout = 30
# "auto" would take gunicorn_h1c wherever it is installed; the worker inspects requests with this parser.
http_parser = "python"
# gunicorn's control socket is of no use here and fails on read-only file systems.
control_socket_disable = True
# No client is trusted to set scheme or prefix by headers; TRUSTED_PROXIES handles proxies. No address is not
# enough: gunicorn trusts every client on a Unix socket.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
limit_request_line = 2048
limit_request_fields = settings.MAX_HEADERS
limit_request_field_size = settings.MAX_HEADER_SIZE


class ServiceLogger(Logger):  # type: ignore[misc] # gunicorn ships no types
    """Sends gunicorn's log lines through the service's logging."""

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
        """Leave out what the client sent: a malformed request may hold its API key."""
        super().warning(INVALID_REQUEST.sub(r"\1", msg), *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Leave out the path: its query may hold an API key."""
        super().exception("Error handling request" if msg.startswith("Error handling") else msg, **kwargs)


INVALID_REQUEST = re.compile(r"(?s)(Invalid request from ip=.*?: [\w ()]*).*")
logger_class = ServiceLogger


def on_starting(server: Any) -> None:
    """Make or empty the directory of the workers' metrics.

    :raises SystemExit: naming the setting if it is wrong.
    """
    server.made_directory = None
    if directory := settings.PROMETHEUS_MULTIPROC_DIR:
        try:
            worker_slots.wipe(directory)
        except OSError as error:
            sys.exit(f"Wrong configuration: PROMETHEUS_MULTIPROC_DIR={str(directory)!r}: {error.strerror}")
    else:
        server.made_directory = directory = worker_slots.make_directory()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    if os.geteuid() == 0:  # workers run as gunicorn's options user and group
        os.chown(directory, server.cfg.uid, server.cfg.gid)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the connections of a worker that has ended."""
    balance.remove_worker(worker.age)


def on_exit(server: Any) -> None:
    """Remove the metrics directory if this server made it and no server that took over uses it."""
    directory = server.made_directory
    if directory and not worker_slots.living(directory):
        shutil.rmtree(directory, ignore_errors=True)


def when_ready(server: Any) -> None:
    """Install draining on SIGTERM, log notices, and print addresses and an example on a console."""
    if settings.DRAIN_SECONDS:
        draining.install(server, seconds=settings.DRAIN_SECONDS)
    log_notices(settings)
    if settings.LOG_FORMAT == "console":
        announce(settings, [str(listener) for listener in server.LISTENERS])


def post_worker_init(worker: Any) -> None:
    """Render gunicorn's errors in the API's shape, and let ``MAX_IN_FLIGHT`` count waiting requests.

    Only the project's own worker class can count them.
    """
    # Not at the top: importing the app there would load it before the fork.
    from app.api.errors import page_without_request

    rejections.use_error_page(partial(page_without_request, worker.wsgi))
    worker.is_administrative = worker.wsgi.extensions["route_table"].is_administrative
    if settings.MAX_IN_FLIGHT and hasattr(worker, "max_ready"):
        worker.max_ready = settings.MAX_IN_FLIGHT
        worker.wsgi.extensions["load_shedder"].waiting = worker.waiting


file = globals()
judge_options(lambda cfg: values_fault(cfg, file) or resources_fault(cfg))
