"""Values of gunicorn's options: which the service needs, which are possible, and what to set instead."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from gunicorn import util
from gunicorn.glogging import SafeAtoms
from gunicorn.http.message import MAX_REQUEST_LINE

from gunicorn_worker.inspection import MAX_HEAD_BYTES

WORKER = "gunicorn_worker.worker.PromptWorker"
DAY = 86_400  # s
LOG = "set LOG_LEVEL, LOG_FORMAT and LOG_FILE"
METRICS = "metrics are at /metrics"
HTTP_2 = "the service speaks HTTP/1.1 only; let a proxy speak HTTP/2"
ASGI = "the service is no ASGI application"
NO_DIRTY = "the service has no dirty applications"
HEADERS = "no client sets scheme or prefix; set SCRIPT_NAME, and TRUSTED_PROXIES for addresses"
CONTROL = "gunicorn's control socket is switched off"
# Option -> why it keeps the value of the configuration file, or gunicorn's default, and what to set instead.
FIXED = {
    "workers": "set WORKERS, by which limits are shared out",
    "preload_app": "models are loaded after the fork, and workers would follow no activation",
    "logger_class": "the service's own keeps what clients send, such as keys, out of the log",
    **dict.fromkeys(("errorlog", "loglevel", "logconfig", "logconfig_dict", "logconfig_json"), LOG),
    **dict.fromkeys(("syslog", "syslog_addr", "syslog_prefix", "syslog_facility"), LOG),
    "disable_redirect_access_to_syslog": LOG,
    **dict.fromkeys(("statsd_host", "statsd_prefix", "dogstatsd_tags", "enable_backlog_metric"), METRICS),
    "raw_env": "set it in the environment, where all processes read it",
    **dict.fromkeys(("protocol", "uwsgi_allow_ips"), "the service speaks HTTP only"),
    **dict.fromkeys(("http_protocols", "http2_cleartext", "http2_max_concurrent_streams"), HTTP_2),
    **dict.fromkeys(("http2_initial_window_size", "http2_max_frame_size"), HTTP_2),
    "http2_max_header_list_size": HTTP_2,
    "http_parser": "what the service reads ahead is read by gunicorn's own parser",
    **dict.fromkeys(("forwarded_allow_ips", "forwarder_headers", "secure_scheme_headers"), HEADERS),
    "root_path": "set SCRIPT_NAME",
    **dict.fromkeys(("asgi_loop", "asgi_lifespan", "asgi_disconnect_grace_period"), ASGI),
    "websocket_max_message_size": ASGI,
    **dict.fromkeys(("paste", "raw_paste_global_conf"), "the service is run:app"),
    **dict.fromkeys(("dirty_apps", "dirty_workers", "dirty_timeout", "dirty_threads"), NO_DIRTY),
    "dirty_graceful_timeout": NO_DIRTY,
    **dict.fromkeys(("control_socket", "control_socket_mode", "control_socket_disable"), CONTROL),
    "ssl_version": "gunicorn ignores it",
    "spew": "use a profiler",
}
# Option -> its values that the service can do with, and why no other.
CHOICES = {
    # gunicorn's other classes are untested or speak no WSGI.
    "worker_class": ((WORKER, "gthread", "sync"), ""),
    "header_map": (("drop", "refuse"), "; with others X_Forwarded_For would forge a client's address"),
}
# Option -> its least and greatest value: outside of them no request is answered, a head has no bound, or
# the value has no effect.
RANGES = {
    "backlog": (1, 65_535),
    "threads": (1, 1_000),
    "worker_connections": (32, 1_000_000),
    "max_requests": (0, 2**31),
    "max_requests_jitter": (0, 2**31),
    "timeout": (0, DAY),
    "graceful_timeout": (0, DAY),
    "keepalive": (0, DAY),
    "limit_request_line": (1, MAX_REQUEST_LINE),
    "limit_request_fields": (1, 1_000),
    "limit_request_field_size": (1, MAX_HEAD_BYTES),
    "umask": (0, 0o777),
    "user": (0, 2**32 - 2),
    "group": (0, 2**32 - 2),
}
SECRET = {"raw_env"}  # options whose values are not shown
# Fields of an access log that are numbers; the others are text.
NUMBERS = dict.fromkeys("BDMT", 0)


def written(setting: Any, value: Any = None) -> str:
    """An option as it stands on the command line, with its value or ``value``."""
    options = (option for option in setting.cli or () if option.startswith("--"))
    name = next(options, f"gunicorn's {setting.name}")
    if setting.action in ("store_true", "store_const") or setting.name in SECRET:
        return name
    return f"{name}={setting.get() if value is None else value!r}"


def values_fault(cfg: Any, file: Mapping[str, Any]) -> str | None:
    """Name an option with a wrong value and the reason; None if all are right.

    :param cfg: gunicorn's settings from the configuration file, the environment and the command line.
    :param file: what the configuration file sets.
    """
    for name, instead in FIXED.items():
        setting = cfg.settings[name]
        wanted = type(setting)()
        if name in file:
            wanted.set(file[name])
        if setting.get() != wanted.get():
            return f"{written(setting)}: cannot be changed; {instead}"
    for name, (choices, reason) in CHOICES.items():
        if cfg.settings[name].get() not in choices:
            return f"{written(cfg.settings[name])}: must be one of {', '.join(choices)}{reason}"
    for name, (least, most) in RANGES.items():
        if not least <= cfg.settings[name].get() <= most:
            return f"{written(cfg.settings[name])}: must be from {least} to {most}"
    return _address_fault(cfg) or _format_fault(cfg) or _package_fault(cfg)


def _address_fault(cfg: Any) -> str | None:
    for bind in cfg.settings["bind"].get():
        try:
            address = util.parse_address(bind)
        except RuntimeError as error:
            return f"{written(cfg.settings['bind'], bind)}: {error}"
        if isinstance(address, tuple) and not 0 <= address[1] <= 65_535:
            return f"{written(cfg.settings['bind'], bind)}: {address[1]} is no port"
    return None


def _format_fault(cfg: Any) -> str | None:
    try:
        cfg.access_log_format % SafeAtoms(NUMBERS)
    except (ValueError, TypeError) as error:
        return f"{written(cfg.settings['access_log_format'])}: {error}"
    return None


def _package_fault(cfg: Any) -> str | None:
    if cfg.reload_engine == "inotify" and find_spec("inotify") is None:
        return f"{written(cfg.settings['reload_engine'])}: the package inotify is not installed"
    if cfg.settings["proc_name"].get() and find_spec("setproctitle") is None:
        return f"{written(cfg.settings['proc_name'])}: the package setproctitle is not installed"
    return None
