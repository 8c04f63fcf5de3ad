"""One structured line per request, and everything else the service has to say, through structlog."""

import logging
import sys
from time import perf_counter
from typing import Any

import orjson
import structlog
from flask import Flask, Response, g, request
from structlog.tracebacks import ExceptionDictTransformer

# Local variables stay out: they hold what callers sent, and their repr made one line 55 MB long.
tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))

log = structlog.stdlib.get_logger("app.request")


def configure(*, level: str, console: bool) -> None:
    """Send all log records of the process to stdout, as JSON lines or, for people, as text."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
        if console
        else [tracebacks, structlog.processors.JSONRenderer(_dumps)]
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)


def init_app(app: Flask) -> None:
    """Log each request once it is answered."""
    configure(level=app.config["LOG_LEVEL"], console=app.debug)
    app.before_request(start)
    app.after_request(report)


def start() -> None:
    """Start the clock, and put the request id on every line logged from here on."""
    g.started = perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def report(response: Response) -> Response:
    """One line: what was asked, how it ended, how long it took in milliseconds."""
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        duration_ms=round((perf_counter() - g.started) * 1000, 3),
    )
    return response


def _dumps(event: Any, default: Any = None, **_: Any) -> str:
    return orjson.dumps(event, default=default).decode()
