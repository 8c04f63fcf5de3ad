"""One structured line per request, and everything else the process has to say, through structlog."""

import logging
import os
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Response, g, request

from app.middleware.logging import lines, sinks
from app.middleware.logging.request_record import RequestRecord
from config import ConfigError

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNMATCHED = "unmatched"


class SinkHandler(logging.Handler):
    """The standard library's way to the sink, for all lines but those of requests."""

    def __init__(self, sink: sinks.Sink) -> None:
        super().__init__()
        self.sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode()
        except Exception:  # a message that does not fit its arguments is no reason to fail
            return
        self.sink.write(line)


def configure(settings: Any) -> sinks.Sink:
    """Send all log records of the process to stdout, or stderr under ``flask``, and to ``LOG_FILE`` if any.

    :param settings: a mapping with ``LOG_LEVEL``, ``LOG_FORMAT`` and ``LOG_FILE``.
    :raises ConfigError: if the log file cannot be opened.
    """
    # What a command of ``flask`` prints is for programs to read; log lines would spoil it.
    commanded = os.environ.get("FLASK_RUN_FROM_CLI") == "true"
    sink = sinks.standard_error() if commanded else sinks.standard_output()
    if path := settings["LOG_FILE"]:
        try:
            sink = sinks.TeeSink(sink, sinks.FileSink(path))
        except OSError as error:
            raise ConfigError(f"LOG_FILE={str(path)!r}: cannot be written: {error.strerror}") from None
    render = lines.renderers(console=settings["LOG_FORMAT"] == "console")
    remove_meta: Any = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = SinkHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                lines.add_request_id,
                lines.add_timestamp,
            ],
            processors=[remove_meta, *render, _decode],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings["LOG_LEVEL"])
    return sink


def init_app(app: Flask) -> None:
    """Log each request once it is answered."""
    log = RequestLog(configure(app.config), app.config)
    app.before_request(log.start)
    app.after_request(log.report)


class RequestLog:
    """The request's own line, past the standard library: that alone would cost 15 µs."""

    def __init__(self, sink: sinks.Sink, settings: Any) -> None:
        render = lines.renderers(console=settings["LOG_FORMAT"] == "console")
        self._log = structlog.wrap_logger(
            _Output(sink),
            processors=[structlog.processors.add_log_level, lines.add_timestamp, *render],
            wrapper_class=structlog.make_filtering_bound_logger(settings["LOG_LEVEL"]),
            context_class=dict,
        ).bind()

    def start(self) -> None:
        """Start the clock."""
        g.record = RequestRecord()

    def report(self, response: Response) -> Response:
        """One line: who asked for what, how it ended, how long it took in milliseconds."""
        asked = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
        context = g._get_current_object()
        record: RequestRecord = context.record
        environ = asked.environ
        rule = asked.url_rule
        event = {
            "request_id": context.request_id,
            "method": method_label(environ["REQUEST_METHOD"]),
            "route": rule.rule if rule else UNMATCHED,
            "status": response.status_code,
            "duration_ms": round((perf_counter() - record.started) * 1000, 3),
            "bytes_in": _integer(environ.get("CONTENT_LENGTH")),
            "bytes_out": _integer(response.headers.get("Content-Length")),
            "client": environ.get("REMOTE_ADDR"),
            **record.fields,
        }
        caller = context.get("principal")
        if caller is not None:
            event["caller"] = caller.id
        (self._log.error if response.status_code >= 500 else self._log.info)("request", **event)
        return response


def _decode(_: Any, __: str, line: Any) -> str:
    return str(line, "utf-8")


class _Output:
    """What structlog calls with a rendered line."""

    def __init__(self, sink: sinks.Sink) -> None:
        self.info = self.error = sink.write


def method_label(method: str) -> str:
    """The method, if it is one of HTTP's usual; a caller may send any word."""
    return method if method in METHODS else "other"


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
