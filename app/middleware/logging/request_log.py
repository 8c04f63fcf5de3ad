"""One structured log line for each request, and the record that is gathered for it on the way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import structlog
from flask import Flask, Response, g, request

from app.middleware.logging import configure, lines
from app.models.prediction import Prediction
from app.models.schema.column_arrays import Columns
from app.models.schema.validation import RawRows

BODY_FIELDS = {"request_id": "caller_request_id", "client_id": "client_id"}
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Labels of a method that a client made up, and of a path without a route.
OTHER_METHOD, UNMATCHED = "other", "unmatched"


@dataclass(slots=True)
class RequestRecord:
    """One request; ``fields`` go to its log line as they stand. Times are in seconds, of `perf_counter`."""

    route: str
    method: str
    started: float = field(default_factory=perf_counter)
    answered: float = 0.0
    model_seconds: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)

    def add(self, prediction: Prediction, *, engine: str, seconds: float, inputs: RawRows | None) -> None:
        """Add a prediction; a request may make several. ``inputs`` are its rows, if they are logged: then
        the answers are too, without which no later version could be compared with this one."""
        fields = self.fields
        fields["version"] = prediction.model.version
        fields["engine"] = engine
        fields["rows"] = fields.get("rows", 0) + len(prediction.output.values)
        fields["cached"] = fields.get("cached", 0) + sum(prediction.cached)
        if inputs is not None:
            fields.setdefault("inputs", []).append(_plain(inputs))
            fields.setdefault("predictions", []).append(prediction.to_dicts())
        self.model_seconds += seconds
        self.answered = perf_counter()


def _plain(rows: RawRows) -> Any:
    """Rows as orjson writes them, which takes no subclass of an array."""
    if isinstance(rows, Columns):
        return rows.to_lists() if rows.names is None else {"columns": rows.names, "rows": rows.to_lists()}
    return rows.view(np.ndarray) if isinstance(rows, np.ndarray) else rows


def note_caller(body: Mapping[str, Any]) -> None:
    """Log the ``request_id`` and ``client_id`` of a validated body with the running request."""
    for key, name in BODY_FIELDS.items():
        if key in body:
            g.record.fields[name] = body[key]


class RequestLog:
    """Writes the request's line past the standard library, which alone would cost 15 µs."""

    def __init__(self, sink: lines.Sink, settings: Any) -> None:
        render = lines.renderers(console=settings["LOG_FORMAT"] == "console")
        self._log = structlog.wrap_logger(
            SimpleNamespace(info=sink.write, error=sink.write),
            processors=[structlog.processors.add_log_level, lines.add_timestamp, *render],
            wrapper_class=structlog.make_filtering_bound_logger(settings["LOG_LEVEL"]),
            context_class=dict,
        ).bind()

    def start(self) -> None:
        """Start the record of the request."""
        asked = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
        rule, method = asked.url_rule, asked.environ["REQUEST_METHOD"]
        method = method if method in METHODS else OTHER_METHOD
        g.record = RequestRecord(route=rule.rule if rule else UNMATCHED, method=method)

    def write(self, response: Response) -> Response:
        """Log which principal asked for what, how that ended, and how long it took in milliseconds."""
        context = g._get_current_object()
        record: RequestRecord = context.record
        environ = request.environ
        length, sent = environ.get("CONTENT_LENGTH"), response.headers.get("Content-Length")
        event = {
            "request_id": context.request_id,
            "method": record.method,
            "route": record.route,
            "status": response.status_code,
            "duration_ms": round((perf_counter() - record.started) * 1000, 3),
            "bytes_in": int(length) if length and length.isdecimal() else None,
            "bytes_out": int(sent) if sent else None,
            "client": environ.get("REMOTE_ADDR"),
            **record.fields,
        }
        if (principal := context.get("principal")) is not None:
            event["caller"] = principal.id
        (self._log.error if response.status_code >= 500 else self._log.info)("request", **event)
        return response


def init_app(app: Flask) -> None:
    """Configure the process's logging, and log each request once it is answered."""
    log = RequestLog(configure(app.config), app.config)
    app.before_request(log.start)
    app.after_request(log.write)
