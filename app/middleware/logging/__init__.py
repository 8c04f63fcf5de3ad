"""What does the process log, in which form, and where to?"""

import errno
import logging
import sys
from contextlib import suppress
from typing import Any

import structlog

from app.middleware.logging import lines
from app.settings.process import from_command_line
from config import ConfigError


class SinkHandler(logging.Handler):
    """Handler of the standard library that writes to the sink: all lines but those of requests."""

    def __init__(self, sink: lines.Sink) -> None:
        super().__init__()
        self.sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):  # a message that does not fit its arguments is no reason to fail
            self.sink.write(self.format(record).encode())


def configure(settings: Any) -> lines.Sink:
    """Send all log records of the process to stdout, or stderr in a command, and to ``LOG_FILE`` if any.

    :param settings: a mapping with ``LOG_LEVEL``, ``LOG_FORMAT`` and ``LOG_FILE``.
    :raises ConfigError: if the log file cannot be opened.
    """
    sink = lines.stream_sink(sys.stderr if from_command_line() else sys.stdout)
    if path := settings["LOG_FILE"]:
        try:
            sink = lines.TeeSink(sink, lines.FileSink(path))
        except OSError as error:
            reason = "nobody reads this pipe" if error.errno == errno.ENXIO else error.strerror
            raise ConfigError(f"LOG_FILE={str(path)!r}: cannot be written: {reason}") from None
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


def _decode(_: Any, __: str, line: Any) -> str:
    return str(line, "utf-8")
