"""The production server's settings; the service's own are in config.py."""

import sys
from typing import Any

from app.announcement import announce
from config import ConfigError, load_config

try:
    settings = load_config()
except ConfigError as error:
    sys.exit(f"Wrong configuration: {error}")

bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WORKERS
# Answers short requests in its main loop, and is safe with slow clients by itself; app/gunicorn_worker.py
# says how. The threads are for requests that arrive in parts.
worker_class = "app.gunicorn_worker.PromptWorker"
threads = 4
# A request that is answered in the loop for longer than this ends its process.
timeout = 30
# Models are loaded after the fork, by each worker for itself: inference sessions do not survive one.
preload_app = False
keepalive = 75
graceful_timeout = 30
# A parser found in the environment must not replace this one unasked.
http_parser = "python"
# The socket is of no use here and fails on read-only file systems.
control_socket_disable = True
limit_request_line = 2048
limit_request_fields = 50
limit_request_field_size = 4096


def when_ready(server: Any) -> None:
    """Print where the service listens and a request to try."""
    announce(settings)
