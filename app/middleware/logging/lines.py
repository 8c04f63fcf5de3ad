"""Log lines: events rendered as JSON for machines or text for people, and the sinks that take them.

No event can become two lines, each line is a single write, and no error reaches the code that logs.
"""

import json
import os
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol, TextIO

import orjson
import structlog
from flask import g, has_request_context
from structlog.typing import ExcInfo, Processor

Event = MutableMapping[str, Any]

RECHECK = 1.0  # seconds between checks whether the log file was rotated

# The current second and its timestamp, cached: formatting a date costs more than the rest.
_second = (0, "")


def add_timestamp(_: Any, __: str, event: Event) -> Event:
    """The time in UTC, ISO 8601 with microseconds."""
    global _second
    now = time()
    second, prefix = _second
    if second != int(now):
        second = int(now)
        prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        _second = (second, prefix)
    event["timestamp"] = f"{prefix}.{int((now - second) * 1e6):06d}Z"
    return event


def add_request_id(_: Any, __: str, event: Event) -> Event:
    """The id of the running request, for lines that are not the request's own."""
    if has_request_context() and "request_id" in g:
        event.setdefault("request_id", g.request_id)
    return event


def to_json(_: Any, __: str, event: Event) -> bytes:
    """One JSON line; the standard library encodes what orjson cannot, such as lone surrogates."""
    try:
        line = orjson.dumps(event, default=repr, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        line = json.dumps(event, default=repr).encode()
    # JSON lets everything from 0x7f up stand as it is, among it line separators and terminal controls.
    if not line.isascii() or b"\x7f" in line:
        line = _escape(line.decode(), json_escape=True).encode()
    return line + b"\n"


def to_text(_: Any, name: str, event: Event, *, render: Processor) -> bytes:
    """One line for people; a traceback's lines are indented below it."""
    shown = {_escape(key): _shown(value) if key != "exc_info" else value for key, value in event.items()}
    return f"{render(None, name, shown)!s}\n".encode(errors="backslashreplace")


def renderers(*, console: bool) -> list[Processor]:
    """The processors that turn an event into the bytes of its line."""
    if console:
        colors = bool(sys.stdout and sys.stdout.isatty())
        render = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_format_exception)
        return [partial(to_text, render=render)]
    exceptions = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals hold inputs, keys
    return [structlog.processors.ExceptionRenderer(exceptions), to_json]


def _shown(value: Any) -> Any:
    return value if isinstance(value, (int, float)) or value is None else _escape(str(value))


def _escape(text: str, *, json_escape: bool = False) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c, json_escape=json_escape) for c in text)


def _escaped(character: str, *, json_escape: bool) -> str:
    if not json_escape:
        return character.encode("unicode_escape").decode()
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _format_exception(out: Any, exc_info: ExcInfo) -> None:
    text = "".join(traceback.format_exception(*exc_info))
    out.write("\n".join(f"    {_escape(line)}" for line in text.splitlines()))


class Sink(Protocol):
    """Takes whole lines."""

    def write(self, line: bytes) -> None:
        """Write a line, which ends in a line feed, or drop it."""


class DescriptorSink:
    """An open file descriptor. Lines of several processes do not mix in a file opened for appending, nor
    in a pipe up to 4,096 bytes.

    A line that a full disk cuts off stays cut; the next begins on a line of its own.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._torn = False

    def write(self, line: bytes) -> None:
        with suppress(OSError):
            if self._torn:
                line = b"\n" + line
            written = os.write(self._descriptor, line)
            self._torn = written < len(line)


class StreamSink:
    """A stream without a descriptor, such as one that captures output."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line.decode())
            self._stream.flush()


class FileSink:
    """A file that log rotation may rename or remove at any time; within a second it is opened anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = self._open()
        self._sink = DescriptorSink(self._descriptor)
        self._checked = monotonic()

    def write(self, line: bytes) -> None:
        if monotonic() - self._checked >= RECHECK:
            self._checked = monotonic()
            with suppress(OSError):
                self._follow()
        self._sink.write(line)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A pipe that nobody reads is an error instead of a wait, and one that is full drops lines.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(self._path, flags, 0o640)

    def _follow(self) -> None:
        """Put the new file under the old number, so that a thread that is writing cannot hit a closed one."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), os.fstat(self._descriptor)):
                return
        fresh = self._open()
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)


class TeeSink:
    """Several sinks, each of which gets every line."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, line: bytes) -> None:
        for sink in self._sinks:
            sink.write(line)


def stream_sink(stream: TextIO | None) -> Sink:
    """The sink of stdout or stderr as it is now; writes nothing if the stream was closed at the start."""
    if stream is None:
        return TeeSink()
    try:
        return DescriptorSink(stream.fileno())
    except (OSError, ValueError):  # closed, or captured by a test
        return StreamSink(stream)
