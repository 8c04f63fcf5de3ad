"""Renders events as lines, JSON for machines or text for people; no event can become two lines."""

import json
import sys
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from time import time
from typing import Any

import orjson
import structlog
from flask import g, has_request_context
from structlog.typing import ExcInfo, Processor

Event = MutableMapping[str, Any]

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
