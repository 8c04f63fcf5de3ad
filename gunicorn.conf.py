"""The production server's settings; the service's own are in config.py."""

import json
import sys
from typing import Any

from app.models.store import ModelStore
from config import ConfigError, load_config

try:
    settings = load_config()
except ConfigError as error:
    sys.exit(f"Wrong configuration: {error}")

bind = f"{settings.HOST}:{settings.PORT}"
workers = settings.WORKERS
worker_class = "gthread"
threads = 4
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
    address = f"http://{settings.HOST}:{settings.PORT}"
    print(f"\n  Serving on {address}", flush=True)
    for notice in settings.notices():
        print(f"  {notice}", flush=True)
    if command := example_request(address):
        print(f"  Try it:\n\n{command}\n", flush=True)


def post_worker_init(worker: Any) -> None:
    """Let the app see the requests that wait for a thread: beyond ``MAX_IN_FLIGHT`` they are refused."""
    if shedder := worker.wsgi.extensions.get("load_shedder"):
        # Private, but the only sign of load that there is: accepted requests wait nowhere else.
        shedder.waiting = worker.tpool._work_queue.qsize


def example_request(address: str) -> str | None:
    """A curl command that predicts a row of the active model's training data, or None without one."""
    store = ModelStore(settings.MODELS_DIR)
    version = store.active() or next(iter(store.versions()), None)
    if version is None:
        return None
    metadata = store.metadata(version)
    values = [_short(value) for value in metadata["golden"]["rows"][0]]
    body = json.dumps({"features": dict(zip(metadata["feature_names"], values, strict=True))})
    quoted = body.replace("'", "'\\''")
    return f"curl {address}/api/predict -H 'Content-Type: application/json' \\\n  -d '{quoted}'"


def _short(value: Any) -> Any:
    return (int(value) if value.is_integer() else round(value, 4)) if isinstance(value, float) else value
