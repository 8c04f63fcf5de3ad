"""What is known of the running request besides the request itself, gathered for its log line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from flask import g

from app.models.prediction import Prediction
from app.models.schema.validation import RawRows

CALLERS_FIELDS = {"request_id": "caller_request_id", "client_id": "client_id"}


@dataclass(slots=True)
class RequestRecord:
    """One request; ``fields`` go to its log line as they stand. Times are in seconds, of `perf_counter`."""

    started: float = field(default_factory=perf_counter)
    answered: float = 0.0
    model_seconds: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)

    def add(self, prediction: Prediction, rows: RawRows, *, seconds: float, log_inputs: bool) -> None:
        """Note a prediction; a request may make several."""
        fields = self.fields
        fields["version"] = prediction.model.version
        fields["engine"] = prediction.model.engine.name
        fields["rows"] = fields.get("rows", 0) + len(prediction.output.values)
        fields["cached"] = fields.get("cached", 0) + sum(prediction.cached)
        if log_inputs:
            fields.setdefault("inputs", []).append(rows)
        self.model_seconds += seconds
        self.answered = perf_counter()


def note_caller(body: Mapping[str, Any]) -> None:
    """Log the ``request_id`` and ``client_id`` of a validated body with the running request."""
    for key, name in CALLERS_FIELDS.items():
        if key in body:
            g.record.fields[name] = body[key]
