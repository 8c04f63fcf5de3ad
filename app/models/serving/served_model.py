"""The one door: every prediction of an app comes from here, whatever route or dialect asked for it."""

import logging
from dataclasses import replace
from threading import Lock
from time import perf_counter
from typing import Any

from app.exceptions import InvalidInput, ModelNotLoaded, ServiceError
from app.models.engines.output import EngineOutput
from app.models.engines.partial import is_finite
from app.models.loading import loader
from app.models.loading.loader import LoadedVersion, LoadingOptions
from app.models.ports import NullCache, Observer, PredictionCache
from app.models.prediction import Prediction
from app.models.repository.store import ModelStore
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows, validate_rows
from app.models.serving.canary import CanaryLimits
from app.models.serving.row_errors import ask_again, without_rejected
from app.models.serving.traffic_router import LoadedSplit, TrafficRouter
from app.models.serving.worker_status import WorkerStatusFile

log = logging.getLogger(__name__)


class ServedModel:
    """One app's model: which version is loaded, and its predictions. Safe to share by threads.

    ``cache`` and ``observer`` are set by whoever has better ones than those that do nothing. ``refused``:
    versions that failed a check here, and why; ``workers``: what all workers serve; ``router``: who gets
    which version, None if all get the same.
    """

    def __init__(
        self, store: ModelStore, options: LoadingOptions, limits: CanaryLimits | None = None
    ) -> None:
        self.store = store
        self.cache: PredictionCache = NullCache()
        self.observer = Observer()
        self.options = replace(options, on_engine_failure=lambda engine: self.observer.failed(engine))
        self.workers = WorkerStatusFile(store.root)
        self.refused: dict[str, str] = {}
        self._current: LoadedVersion | None = None
        self._loading = Lock()
        self.loaded_split: LoadedSplit | None = None
        self.traffic_router = TrafficRouter(self, limits or CanaryLimits(), predict_unseen)

    @property
    def loaded(self) -> bool:
        """True if there is a model to predict with."""
        return self._current is not None

    @property
    def model(self) -> LoadedVersion:
        """The model that serves.

        :raises ModelNotLoaded: if there is none.
        """
        if (model := self._current) is None:
            raise ModelNotLoaded
        return model

    @property
    def signature(self) -> InputSignature | None:
        """Input of the model that serves, or None if there is none."""
        return self._current.signature if self._current else None

    def load(self, version: str | None = None) -> LoadedVersion:
        """Load a version, by default the active one or else the newest, and serve it.

        The version that served before goes on until the new one is ready, and for good if it fails.

        :raises ModelNotLoaded: if the store is empty.
        :raises VersionNotFound: if there is no such version.
        :raises ArtifactInvalid: if it fails a check.
        """
        with self._loading:
            wanted = version or self.store.active() or next(iter(self.store.versions()), None)
            if wanted is None:
                raise ModelNotLoaded
            model = self.prepare(wanted)
            self.serve(model)
        return model

    def prepare(self, version: str) -> LoadedVersion:
        """Load a version up to where it could serve; what serves goes on serving.

        :raises VersionNotFound: if there is no such version.
        :raises ArtifactInvalid: if it fails a check.
        """
        started = perf_counter()
        try:
            model = loader.load(self.store, version, self.options)
        except ServiceError as error:
            self.refused[version] = error.message
            self._report()
            self.observer.refused(version, error.message)
            log.error("version refused", extra={"model_version": version, "reason": error.message})
            raise
        self.observer.loaded(model, seconds=perf_counter() - started)
        return model

    def serve(self, model: LoadedVersion) -> None:
        """Serve what was prepared, from the next request on."""
        self._current = model
        self.refused.pop(model.version, None)
        self._report()
        log.info("model loaded", extra={"model_version": model.version, "engine": model.engine.name})

    def join_workers(self) -> None:
        """Be counted as one of the store's workers."""
        self.workers.join()
        self._report()

    def _report(self) -> None:
        self.workers.report(self._current.version if self._current else None, refused=self.refused)

    def predict(
        self,
        rows: RawRows,
        *,
        field: str = "features",
        use_cache: bool = False,
        caller: str | None = None,
        pinned: str | None = None,
    ) -> Prediction:
        """Predict ``rows`` with the model that serves now, or the one that the routing has for the caller.

        :param rows: float64 array (n, d), or n lists in training order or mappings by column name.
        :param field: the caller's name for the rows, used in errors.
        :param use_cache: look for remembered outcomes, if there is a cache.
        :param caller: whoever is to get the same version each time; None gets the active one.
        :param pinned: the version to predict with, whatever the routing.
        :raises ModelNotLoaded: if there is no model.
        :raises VersionNotLoaded: if the pinned one is neither active nor part of the routing.
        :raises InvalidInput: naming each value that does not fit.
        :raises PredictionFailed: if the model answers nothing any more, its golden rows included.
        """
        if self.loaded_split is None and pinned is None:
            return self.predict_with(self.model, rows, field=field, use_cache=use_cache)
        return self.traffic_router.predict(
            rows, field=field, use_cache=use_cache, caller=caller, pinned=pinned
        )

    def predict_rows(self, rows: RawRows, **options: Any) -> tuple[Prediction, list[int], dict[int, Any]]:
        """Predict as many of ``rows`` as can be; ``options`` are those of `predict`.

        :returns: the answer, the positions of the rows that it is about, and the errors of the others by
        position.
        :raises InvalidInput: if no row can be predicted; else as `predict` does.
        """
        positions = list(range(len(rows)))
        rejected: dict[int, Any] = {}
        while True:
            try:
                return self.predict(rows, **options), positions, rejected
            except InvalidInput as error:
                rows, positions, found = without_rejected(rows, error, positions)
                rejected |= found
                if not positions:
                    reasons = [each for position in sorted(rejected) for each in rejected[position]]
                    raise InvalidInput(reasons) from None

    def predict_with(self, model: LoadedVersion, rows: RawRows, *, field: str, use_cache: bool) -> Prediction:
        """Predict ``rows`` with one of the service's models; raises what `predict` does."""
        validated = validate_rows(rows, model.signature, field=field)
        inspected, warnings = model.guard.inspect(validated, field=field)
        started = perf_counter()
        if self.cache.wanted(asked=use_cache):
            outcome, cached = self._through_cache(model, inspected, field)
            if cached:
                self.observer.cache_looked_up(hits=sum(cached), misses=cached.count(False))
        else:
            outcome, cached = _run(model, inspected, field), []
        answer = Prediction(model, outcome, warnings, cached)
        self.observer.predicted(answer, rows=rows, seconds=perf_counter() - started)
        return answer

    def _through_cache(self, model: LoadedVersion, rows: Rows, field: str) -> tuple[EngineOutput, list[bool]]:
        try:
            return self.cache.outcome(model, rows, lambda missing: _run(model, missing, field))
        except InvalidInput:  # it names rows among those that were missing in the cache
            return _run(model, rows, field), []


def predict_unseen(model: LoadedVersion, rows: RawRows) -> Prediction:
    """Predict without cache, and without telling anybody; raises what `ServedModel.predict` does."""
    inspected, warnings = model.guard.inspect(validate_rows(rows, model.signature), field="features")
    return Prediction(model, _run(model, inspected, "features"), warnings, [])


def _run(model: LoadedVersion, rows: Rows, field: str) -> EngineOutput:
    try:
        outcome = model.engine.predict(rows)
    except ServiceError:
        raise
    except Exception as error:
        return ask_again(model, rows, field=field, cause=error)
    if not is_finite(outcome):
        return ask_again(model, rows, field=field)
    return outcome
