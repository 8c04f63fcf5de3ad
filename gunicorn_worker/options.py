"""Checks gunicorn's options: which values the service needs, and what to set instead."""

import os
from typing import Any

WORKER = "gunicorn_worker.worker.PromptWorker"
# gunicorn's other classes are untested or speak no WSGI.
WORKER_CLASSES = (WORKER, "gthread", "sync")
# Option -> the value that it must have, and what to set instead.
FIXED: dict[str, tuple[Any, str]] = {
    "preload_app": (False, "models are loaded after the fork, and workers would follow no activation"),
    "errorlog": ("-", "set LOG_FILE"),
    "loglevel": ("info", "set LOG_LEVEL"),
    "logconfig": (None, "set LOG_FORMAT and LOG_FILE"),
    "logconfig_json": (None, "set LOG_FORMAT and LOG_FILE"),
    "logconfig_dict": ({}, "set LOG_FORMAT and LOG_FILE"),
    "syslog": (False, "the log is on stdout and in LOG_FILE"),
    "statsd_host": (None, "metrics are at /metrics"),
    "raw_env": ([], "set it in the environment, where all processes read it"),
    "protocol": ("http", "the service speaks HTTP only"),
    "http_protocols": (["h1"], "the service speaks HTTP/1.1 only; let a proxy speak HTTP/2"),
    "http2_cleartext": ("off", "the service speaks HTTP/1.1 only; let a proxy speak HTTP/2"),
    "http_parser": ("python", "what the service reads ahead is read by gunicorn's own parser"),
    "paste": (None, "the service is run:app"),
    "dirty_apps": ([], "the service has none"),
    "spew": (False, "use a profiler"),
}
# Option -> its minimum: below it no request is answered, or heads have no bound.
LEAST = {
    "threads": 1,
    "worker_connections": 32,
    "limit_request_line": 1,
    "limit_request_fields": 1,
    "limit_request_field_size": 1,
}
FILES = ("certfile", "keyfile", "ca_certs")


def options_fault(cfg: Any, *, workers: int) -> str | None:
    """Name a wrong option and the reason; None if all are right.

    :param cfg: gunicorn's settings from the configuration file, the environment and the command line.
    :param workers: the number of workers by which limits are shared out.
    """
    worker_class = cfg.settings["worker_class"].get()
    if worker_class not in WORKER_CLASSES:
        return f"gunicorn's worker_class={worker_class!r}: must be one of {', '.join(WORKER_CLASSES)}"
    fixed = FIXED | {"workers": (workers, "set WORKERS, by which limits are shared out")}
    for name, (wanted, instead) in fixed.items():
        value = cfg.settings[name].get()
        if value != wanted:
            return f"gunicorn's {name}={value!r}: must stay {wanted!r}; {instead}"
    for name, least in LEAST.items():
        value = cfg.settings[name].get()
        if value < least:
            return f"gunicorn's {name}={value}: must be at least {least}"
    for name in FILES:
        path = cfg.settings[name].get()
        if path and not os.access(path, os.R_OK):
            return f"gunicorn's {name}={path!r}: is no file that can be read"
    return None
