"""The data plane: every prediction of an app comes from here, whatever route or dialect asked for it."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from threading import Lock
from time import perf_counter
from typing import Any

from app.exceptions import ModelNotLoaded, ServiceError
from app.models import ports
from app.models.loading import loader
from app.models.loading.loader import LoadedVersion, LoadingOptions
from app.models.prediction import Prediction
from app.models.repository.store import ModelStore
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows, validate_rows
from app.models.serving.canary import CanaryLimits
from app.models.serving.further_outputs import further_outputs, with_explanations
from app.models.serving.row_errors import predict_unseen, run_engine
from app.models.serving.traffic_router import TrafficRouter
from app.models.serving.worker_status import WorkerStatusFile

log = logging.getLogger(__name__)

DEFAULT = "default"


class ServedModel:
    """One model of an app: the version that serves, and its predictions. Safe to share by threads.

    ``rejected``: versions that failed a check in this process, and why. ``workers``: what all workers serve.

    :param name: of the model, for the observers.
    """

    def __init__(
        self,
        store: ModelStore,
        options: LoadingOptions,
        *,
        limits: CanaryLimits | None = None,
        cache: ports.PredictionCache | None = None,
        observers: Sequence[ports.Observer] = (),
        name: str = DEFAULT,
    ) -> None:
        self.name = name
        self.store = store
        self.options = replace(options, on_engine_failure=lambda name: self._notify(ports.EngineFailed(name)))
        self.workers = WorkerStatusFile(store.root)
        self.rejected: dict[str, str] = {}
        self._cache = cache or ports.NullCache()
        self._notify = ports.Notifier(name, observers)
        self._current: LoadedVersion | None = None
        self._loading = Lock()
        self.traffic_router = TrafficRouter(
            store.traffic_split,
            load=self.load_version,
            predict_unseen=predict_unseen,
            report=self._report,
            reports=self.workers.living,
            notify=self._notify,
            limits=limits or CanaryLimits(),
        )

    @property
    def loaded(self) -> bool:
        """True if there is a model to predict with."""
        return self._current is not None

    @property
    def model(self) -> LoadedVersion:
        """The version that serves; ModelNotLoaded without one."""
        if (model := self._current) is None:
            raise ModelNotLoaded
        return model

    @property
    def signature(self) -> InputSignature | None:
        """Input of the version that serves, or None if there is none."""
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
            model = self.load_version(wanted)
            self.swap_in(model)
        return model

    def load_version(self, version: str) -> LoadedVersion:
        """Load a version up to where it could serve; what serves goes on serving.

        :raises VersionNotFound, ArtifactInvalid: as `load` does.
        """
        started = perf_counter()
        try:
            model = loader.load(self.store, version, self.options)
        except ServiceError as error:
            self.rejected[version] = error.message
            self._report()
            self._notify(ports.LoadRejected(version, error.message))
            log.error("version rejected", extra={"model_version": version, "reason": error.message})
            raise
        self._notify(ports.Loaded(model, perf_counter() - started))
        return model

    def swap_in(self, model: LoadedVersion) -> None:
        """Serve a version that was loaded, from the next request on."""
        self._current = model
        self.rejected.pop(model.version, None)
        self._report()
        log.info("model loaded", extra={"model_version": model.version, "engine": model.engine.name})

    def poll_traffic_split(self) -> None:
        """Take up a change of ``routing.json``, load what it needs, and judge a canary."""
        self.traffic_router.poll(self._current)

    def join_workers(self) -> None:
        """Register this process as a worker of the store."""
        self.workers.join()
        self._report()

    def _report(self, notes: dict[str, Any] | None = None) -> None:
        """Report to the other workers what this one serves, and with which traffic split if that changed."""
        if notes is not None:
            self.workers.notes = notes
        self.workers.report(self._current.version if self._current else None, refused=self.rejected)

    def predict(
        self,
        rows: RawRows,
        *,
        field: str = "features",
        use_cache: bool = False,
        sticky_key: str | None = None,
        pinned: str | None = None,
        outputs: Collection[str] = (),
        explain: int | None = None,
    ) -> Prediction:
        """Predict ``rows`` with the version that serves, or that the traffic split has for the client.

        :param rows: float64 array (n, d), columns, or n lists in training order or mappings by column name.
        :param field: the client's name for the rows, used in errors.
        :param use_cache: look rows up in the cache, if there is one.
        :param sticky_key: of a client that is to get the same version each time; None gets the active one.
        :param pinned: the version to predict with, whatever the traffic split.
        :param outputs: what else the prediction is to have, see `further_outputs`.
        :param explain: how many columns an explanation of each row is to name, see `with_explanations`.
        :raises ModelNotLoaded: if there is no model.
        :raises VersionNotLoaded: if the pinned one is neither active nor part of the traffic split.
        :raises InvalidInput: naming each value that does not fit.
        :raises PredictionFailed: if the model answers nothing any more, its golden rows included.
        """
        if explain is not None:  # after the routing: what cannot be explained is no failure of a challenger
            options: dict[str, Any] = {"use_cache": use_cache, "sticky_key": sticky_key, "pinned": pinned}
            prediction = self.predict(rows, field=field, outputs=outputs, **options)
            return with_explanations(prediction, rows, explain, store=self.store, field=field)
        champion = self._current
        if champion is None:
            raise ModelNotLoaded
        if pinned is None and self.traffic_router.split is None:
            return self._predict(champion, rows, field, use_cache, outputs)
        predict_with = partial(self._predict, rows=rows, field=field, use_cache=use_cache, outputs=outputs)
        return self.traffic_router.predict(champion, rows, predict_with, sticky_key=sticky_key, pinned=pinned)

    def _predict(
        self, model: LoadedVersion, rows: RawRows, field: str, use_cache: bool, outputs: Collection[str]
    ) -> Prediction:
        validated = validate_rows(rows, model.signature, field=field)
        inspected, warnings = model.guard.inspect(validated, field=field)
        started = perf_counter()
        if use_cache or self._cache.every_route:
            compute = partial(run_engine, model, field=field)
            output, cached = ports.through_cache(self._cache, self._notify, model, inspected, compute)
        else:
            output, cached = run_engine(model, inspected, field), []
        further = further_outputs(model, inspected, outputs) if outputs else {}
        prediction = Prediction(model, output, warnings, cached, further)
        self._notify(ports.Predicted(prediction, rows, perf_counter() - started))
        return prediction
