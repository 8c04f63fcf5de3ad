"""The way of a request to a version: champion, challenger, or the one that it is pinned to."""

import logging
import secrets
from collections.abc import Mapping
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from app.exceptions import InvalidInput, ServiceError, VersionNotLoaded
from app.models.loading import loader
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.repository.traffic_split import TrafficSplit
from app.models.schema.validation import RawRows
from app.models.serving.canary import CHALLENGER, CHAMPION, CanaryLimits, CanaryTallies, total, verdict
from app.models.serving.shadow import Job, Predict, Shadow

if TYPE_CHECKING:
    from app.models.serving.served_model import ServedModel

log = logging.getLogger(__name__)


class LoadedSplit(NamedTuple):
    """A routing, and the versions that it needs beside the champion as far as they could be loaded."""

    routing: TrafficSplit
    models: Mapping[str, LoadedVersion]
    tallies: CanaryTallies

    def model_for(self, caller: str | None, champion: LoadedVersion) -> LoadedVersion:
        """Who answers; whoever is not known gets the champion."""
        if caller is None or self.routing.mode == "shadow":
            return champion
        version = self.routing.version_for(caller)
        if version is None or version == champion.version:
            return champion
        return self.models.get(version, champion)

    def shadows(self, champion: LoadedVersion) -> list[LoadedVersion]:
        """Who predicts after the answer."""
        if self.routing.mode != "shadow":
            return []
        return [model for version, model in self.models.items() if version != champion.version]


class TrafficRouter:
    """Follows ``routing.json``, loads challengers, sends requests their way, ends canaries that do worse."""

    def __init__(self, served_model: "ServedModel", limits: CanaryLimits, predict: Predict) -> None:
        self._service = served_model
        self._limits = limits
        self._file = served_model.store.routing
        self._failed: set[str] = set()
        self._polling = Lock()
        self._name = secrets.token_hex(8)
        self._predict = predict
        self.shadow = Shadow(predict, lambda: served_model.observer)

    def predict(
        self, rows: RawRows, *, field: str, use_cache: bool, caller: str | None, pinned: str | None
    ) -> Prediction:
        """Predict with the version of the caller, or with the one that is pinned.

        Where the caller's version fails, the champion answers; a pinned one has nobody behind it.

        :raises VersionNotLoaded: if that is neither the champion nor part of the routing.
        """
        champion, router = self._service.model, self._service.loaded_split
        if pinned is not None:
            model = champion if pinned == champion.version else router and router.models.get(pinned)
            if model is None:
                raise VersionNotLoaded(pinned)
            return self._service.predict_with(model, rows, field=field, use_cache=use_cache)
        if router is None:  # ended in the meantime
            return self._service.predict_with(champion, rows, field=field, use_cache=use_cache)
        model = router.model_for(caller, champion)
        answer = self._count(router, model, champion, rows, field=field, use_cache=use_cache)
        for challenger in router.shadows(champion):
            self.shadow.submit(Job(challenger, rows, answer))
        return answer

    def poll(self) -> None:
        """Take up a change of the routing, load what it needs, and judge a canary."""
        with self._polling:
            self._poll()

    def _poll(self) -> None:
        routing, router = self._file.current(), self._service.loaded_split
        if routing is None:
            self._service.loaded_split = None
        elif router is None or router.routing.id != routing.id:
            self._failed.clear()
            self._service.loaded_split = LoadedSplit(
                routing, self._load(routing, router), CanaryTallies(self._limits)
            )
        elif self._missing(routing, router):
            self._service.loaded_split = router._replace(models=self._load(routing, router))
        self._report()
        if routing is not None and routing.mode == "canary":
            self._judge(routing)

    def _missing(self, routing: TrafficSplit, router: LoadedSplit | None) -> list[str]:
        known = {*(router.models if router else ()), *self._failed}
        if self._service.loaded:
            known.add(self._service.model.version)
        return [version for version in routing.shares if version not in known]

    def _load(self, routing: TrafficSplit, router: LoadedSplit | None) -> dict[str, LoadedVersion]:
        models = {v: model for v, model in (router.models if router else {}).items() if v in routing.shares}
        for version in self._missing(routing, router):
            started = perf_counter()
            try:
                models[version] = loader.load(self._service.store, version, self._service.options)
            except ServiceError as error:
                self._failed.add(version)
                self._service.refused[version] = error.message
                self._service.observer.refused(version, error.message)
                log.error("challenger refused", extra={"model_version": version, "reason": error.message})
            else:
                self._service.observer.loaded(models[version], seconds=perf_counter() - started)
        return models

    def _count(
        self,
        router: LoadedSplit,
        model: LoadedVersion,
        champion: LoadedVersion,
        rows: RawRows,
        *,
        field: str,
        use_cache: bool,
    ) -> Prediction:
        """The answer of ``model``, or else of the champion: each counts for the version that was asked."""
        role = CHAMPION if model is champion else CHALLENGER
        started = perf_counter()
        try:
            answer = self._service.predict_with(model, rows, field=field, use_cache=use_cache)
        except ServiceError as error:
            if self._fault_of_caller(error, champion, rows):
                raise
            self._service.observer.routed(model, seconds=None, failed=True)
            router.tallies.add(role, seconds=None, failed=True)
            if model is champion:
                raise
            reason = type(error.__cause__ or error).__name__
            log.warning("the challenger failed", extra={"model_version": model.version, "reason": reason})
            return self._count(router, champion, champion, rows, field=field, use_cache=use_cache)
        remembered = bool(answer.cached) and all(answer.cached)
        seconds = None if remembered else (perf_counter() - started) / len(answer.outcome.values)
        self._service.observer.routed(model, seconds=seconds, failed=False)
        router.tallies.add(role, seconds=seconds, failed=False)
        return answer

    def _fault_of_caller(self, error: ServiceError, champion: LoadedVersion, rows: RawRows) -> bool:
        """Whether the champion refuses these rows too."""
        if not isinstance(error, InvalidInput):
            return False
        try:
            self._predict(champion, rows)
        except ServiceError as refusal:
            return isinstance(refusal, InvalidInput)
        return False

    def _report(self) -> None:
        router, workers = self._service.loaded_split, self._service.workers
        notes: dict[str, Any] = {"routing": None}
        if router is not None:
            notes = {"routing": router.routing.id, "process": self._name, "ledger": router.tallies.to_dict()}
        if notes != workers.notes:
            workers.notes = notes
            version = self._service.model.version if self._service.loaded else None
            workers.report(version, refused=self._service.refused)

    def _judge(self, routing: TrafficSplit) -> None:
        own = self._service.workers.notes
        others = self._service.workers.living()
        reports = [r for r in others if r.get("routing") == routing.id and r["process"] != self._name]
        ledgers = [report["ledger"] for report in (own, *reports)]
        champion, canary = (total(tallies[role] for tallies in ledgers) for role in (CHAMPION, CHALLENGER))
        reason = verdict(champion, canary, self._limits)
        if reason and self._file.end(routing, reason):
            (version,) = routing.shares
            log.error("canary ended", extra={"model_version": version, "reason": reason})
            self._service.observer.rolled_back(version, reason)
            self._service.loaded_split = None
            self._report()
