"""Observer of predictions: metrics, and fields of the request's log line."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flask import g, has_request_context
from numpy.typing import NDArray

from app.middleware.metrics.instruments import Instruments
from app.models import ports
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.serving.served_model import DEFAULT

MAX_LABELS = 100
MAX_VERSIONS = 50
OTHER = "other"


class MetricsObserver:
    """Observer that turns events into metrics, and predictions into fields of the request's log line.

    Versions are those that were loaded, the first 50 of a model by name.
    """

    def __init__(self, counted: Instruments, *, log_inputs: bool) -> None:
        self._instruments = counted
        self._log_inputs = log_inputs
        self._hit = counted.cache.labels("hit").inc  # both from 0, before the first look-up
        self._miss = counted.cache.labels("miss").inc
        self._versions: dict[tuple[str, str], _Version] = {}
        self._handlers: dict[type, Callable[[str, Any], None]] = {
            ports.Predicted: self._predicted,
            ports.CacheLookedUp: self._cache_looked_up,
            ports.EngineFailed: lambda _, event: counted.engine_failures.labels(event.engine).inc(),
            ports.Loaded: self._loaded,
            ports.LoadRejected: lambda _, event: counted.load_failures.inc(),
            ports.Routed: self._routed,
            ports.Shadowed: self._shadowed,
            ports.NotShadowed: self._not_shadowed,
            ports.CanaryEnded: lambda _, event: counted.rollbacks.inc(),
            ports.PortFailed: lambda _, event: counted.port_failures.labels(event.port).inc(),
        }

    def __call__(self, model: str, event: ports.Event) -> None:
        self._handlers[type(event)](model, event)

    def _predicted(self, name: str, event: ports.Predicted) -> None:
        prediction, seconds = event.prediction, event.seconds
        model = prediction.model
        engine = model.engine.name
        version = self._versions.get((name, model.version)) or self._version(name, model)
        version.count(prediction)
        if not (prediction.cached and all(prediction.cached)):
            observe = version.engines.get(engine) or version.bind_engine(engine)
            observe(seconds)
        if has_request_context():
            inputs = event.rows if self._log_inputs else None
            if name != DEFAULT:
                g.record.fields["model"] = name
            g.record.add(prediction, engine=engine, seconds=seconds, inputs=inputs)

    def _cache_looked_up(self, _: str, event: ports.CacheLookedUp) -> None:
        self._hit(event.hits)
        self._miss(event.misses)

    def _loaded(self, name: str, event: ports.Loaded) -> None:
        self._instruments.load.labels(self._version(name, event.model).name).set(event.seconds)
        # From 0, or Prometheus would not see the first failures as an increase; three put the engine out.
        self._instruments.engine_failures.labels(event.model.engine.name)

    def _routed(self, name: str, event: ports.Routed) -> None:
        label = self._version(name, event.model).name
        self._instruments.routed.labels(label, "error" if event.failed else "ok").inc()
        if event.seconds is not None:
            self._instruments.routed_duration.labels(label).observe(event.seconds)

    def _shadowed(self, name: str, event: ports.Shadowed) -> None:
        version, values = self._version(name, event.prediction.model), event.prediction.output.values
        self._count_shadow_rows(version, len(values) - event.disagreed, "agreed")
        self._count_shadow_rows(version, event.disagreed, "disagreed")
        self._instruments.shadow_duration.labels(version.name).observe(event.seconds)
        for code, number in version.tally(values).items():
            self._instruments.shadow_predictions.labels(version.name, version.label(code)).inc(number)

    def _not_shadowed(self, name: str, event: ports.NotShadowed) -> None:
        self._count_shadow_rows(self._version(name, event.challenger), event.rows, event.outcome)

    def _count_shadow_rows(self, version: "_Version", rows: int, outcome: str) -> None:
        if rows:
            self._instruments.shadow_rows.labels(version.name, outcome).inc(rows)

    def _version(self, name: str, model: LoadedVersion) -> "_Version":
        if (version := self._versions.get((name, model.version))) is not None:
            return version
        known = sum(other == name for other, _ in self._versions)
        label = model.version if known < MAX_VERSIONS else OTHER
        prefix = "" if name == DEFAULT else f"{name}/"
        version = _Version(self._instruments, prefix + label, model)
        return self._versions.setdefault((name, model.version), version)


class _Version:
    """The counters of one version, each bound to its labels once; ``engines`` observe seconds."""

    def __init__(self, counted: Instruments, name: str, model: LoadedVersion) -> None:
        self.name = name
        self._instruments = counted
        self._rows = counted.rows.labels(name).inc
        self._classes = model.output.classes
        self._labelled = 0 < len(self._classes or ()) <= MAX_LABELS
        self._labels: dict[int, Callable[[float], None]] = {}
        self.engines: dict[str, Callable[[float], None]] = {}

    def count(self, prediction: Prediction) -> None:
        values = prediction.output.values
        self._rows(len(values))
        for code, number in self.tally(values).items():
            (self._labels.get(code) or self._bind_label(code))(number)

    def tally(self, values: NDArray[Any]) -> Mapping[int, int]:
        """How many values there are of each class, by its code; -1 where classes are not counted."""
        if not self._labelled:
            return {-1: len(values)}
        if len(values) == 1:
            return {int(values[0]): 1}
        return {code: number for code, number in enumerate(np.bincount(values).tolist()) if number}

    def bind_engine(self, engine: str) -> Callable[[float], None]:
        return self.engines.setdefault(engine, self._instruments.engine.labels(self.name, engine).observe)

    def _bind_label(self, code: int) -> Callable[[float], Any]:
        counter = self._instruments.predictions.labels(self.name, self.label(code))
        return self._labels.setdefault(code, counter.inc)

    def label(self, code: int) -> str:
        """Label of a class by its code, or of anything else, -1."""
        if code >= 0:
            return str(self._classes[code])
        return OTHER if self._classes else "value"
