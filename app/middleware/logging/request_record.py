"""Record of the running request, for its log line and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from flask import g

from app.models.prediction import Prediction
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

    def add(
        self, prediction: Prediction, *, engine: str, seconds: float, inputs: RawRows | None = None
    ) -> None:
        """Add a prediction; a request may make several. ``inputs`` are its rows, if they are logged."""
        fields = self.fields
        fields["version"] = prediction.model.version
        fields["engine"] = engine
        fields["rows"] = fields.get("rows", 0) + len(prediction.output.values)
        fields["cached"] = fields.get("cached", 0) + sum(prediction.cached)
        if inputs is not None:
            # orjson writes no subclass of an array.
            plain = inputs.view(np.ndarray) if isinstance(inputs, np.ndarray) else inputs
            fields.setdefault("inputs", []).append(plain)
        self.model_seconds += seconds
        self.answered = perf_counter()


def note_caller(body: Mapping[str, Any]) -> None:
    """Log the ``request_id`` and ``client_id`` of a validated body with the running request."""
    for key, name in BODY_FIELDS.items():
        if key in body:
            g.record.fields[name] = body[key]
