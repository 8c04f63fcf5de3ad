"""What the door tells: counted, and noted for the log line of the running request."""

from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

from flask import g, has_request_context

from app.middleware.metrics.instruments import Instruments
from app.models.loading.loader import LoadedVersion
from app.models.ports import Observer
from app.models.prediction import Prediction
from app.models.schema.validation import RawRows

MAX_LABELS = 100
MAX_VERSIONS = 50
OTHER = "other"


class MetricsObserver(Observer):
    """Counts what it is told of. Versions are those that were loaded, the first 50 of a model by name."""

    def __init__(self, counted: Instruments, *, log_inputs: bool, prefix: str = "") -> None:
        self._instruments = counted
        self._prefix = prefix
        self._log_inputs = log_inputs
        self._hit = counted.cache.labels("hit").inc
        self._miss = counted.cache.labels("miss").inc
        self._versions: dict[str, _Version] = {}

    def of_model(self, name: str) -> "MetricsObserver":
        """Counts versions as ``name/version``."""
        return MetricsObserver(self._instruments, log_inputs=self._log_inputs, prefix=f"{name}/")

    def predicted(self, answer: Prediction, *, rows: RawRows, seconds: float) -> None:
        version = self._version(answer.model)
        version.count(answer)
        if not (answer.cached and all(answer.cached)):
            version.time(answer.model.engine.name, seconds)
        if has_request_context():
            g.record.add(answer, rows, seconds=seconds, log_inputs=self._log_inputs)

    def cache_looked_up(self, *, hits: int, misses: int) -> None:
        if hits:
            self._hit(hits)
        if misses:
            self._miss(misses)

    def failed(self, engine: str) -> None:
        self._instruments.engine_failures.labels(engine).inc()

    def loaded(self, model: LoadedVersion, *, seconds: float) -> None:
        self._instruments.load.labels(self._version(model).name).set(seconds)
        # From 0, or Prometheus would not see the first failures as an increase; three put the engine out.
        self._instruments.engine_failures.labels(model.engine.name)

    def refused(self, version: str, reason: str) -> None:
        self._instruments.load_refusals.inc()

    def routed(self, model: LoadedVersion, *, seconds: float | None, failed: bool) -> None:
        name = self._version(model).name
        self._instruments.routed.labels(name, "error" if failed else "ok").inc()
        if seconds is not None:
            self._instruments.routed_duration.labels(name).observe(seconds)

    def shadowed(self, answer: Prediction, *, disagreed: int, seconds: float) -> None:
        version, rows = self._version(answer.model), len(answer.outcome.values)
        self._shadow_rows(answer.model, disagreed, "disagreed")
        self._shadow_rows(answer.model, rows - disagreed, "agreed")
        self._instruments.shadow_duration.labels(version.name).observe(seconds)
        for code, number in Tally(
            answer.outcome.values.tolist() if version.labelled else [-1] * rows
        ).items():
            self._instruments.shadow_predictions.labels(version.name, version.label(code)).inc(number)

    def shadow_failed(self, challenger: LoadedVersion, *, rows: int) -> None:
        self._shadow_rows(challenger, rows, "failed")

    def shadow_dropped(self, challenger: LoadedVersion, *, rows: int) -> None:
        self._shadow_rows(challenger, rows, "dropped")

    def rolled_back(self, version: str, reason: str) -> None:
        self._instruments.rollbacks.inc()

    def _shadow_rows(self, challenger: LoadedVersion, rows: int, outcome: str) -> None:
        if rows:
            self._instruments.shadow_rows.labels(self._version(challenger).name, outcome).inc(rows)

    def _version(self, model: LoadedVersion) -> "_Version":
        if (version := self._versions.get(model.version)) is not None:
            return version
        name = self._prefix + (model.version if len(self._versions) < MAX_VERSIONS else OTHER)
        return self._versions.setdefault(model.version, _Version(self._instruments, name, model))


class _Version:
    """The counters of one version, bound to their labels once."""

    def __init__(self, counted: Instruments, name: str, model: LoadedVersion) -> None:
        self.name = name
        self._instruments = counted
        self._rows = counted.rows.labels(name).inc
        self._classes = model.output.classes
        self.labelled = 0 < len(self._classes or ()) <= MAX_LABELS
        self._labels: dict[int, Callable[[float], None]] = {}
        self._engines: dict[str, Callable[[float], None]] = {}

    def count(self, answer: Prediction) -> None:
        values = answer.outcome.values
        self._rows(len(values))
        if not self.labelled:
            self._label(-1)(len(values))
        elif len(values) == 1:
            self._label(int(values[0]))(1)
        else:
            for code, number in Tally(values.tolist()).items():
                self._label(code)(number)

    def time(self, engine: str, seconds: float) -> None:
        if (observe := self._engines.get(engine)) is None:
            observe = self._engines[engine] = self._instruments.engine.labels(self.name, engine).observe
        observe(seconds)

    def _label(self, code: int) -> Callable[[float], Any]:
        if (count := self._labels.get(code)) is None:
            count = self._labels[code] = self._instruments.predictions.labels(self.name, self.label(code)).inc
        return count

    def label(self, code: int) -> str:
        """What a class, or -1 for anything else, is counted as."""
        if code >= 0:
            return str(self._classes[code])
        return OTHER if self._classes else "value"
