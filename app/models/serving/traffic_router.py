"""Traffic router: which version answers a request, champion, challenger, or the one that it is pinned to."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

from app.exceptions import InvalidInput, ServiceError, VersionNotLoaded
from app.models.loading.loader import LoadedVersion
from app.models.ports import CanaryEnded, Notifier, Routed
from app.models.prediction import Prediction
from app.models.repository.traffic_split import TrafficSplit, TrafficSplitFile
from app.models.schema.validation import RawRows
from app.models.serving.canary import CHALLENGER, CHAMPION, CanaryLimits, CanaryTallies, decide, total
from app.models.serving.shadow import Job, PredictUnseen, Shadow

log = logging.getLogger(__name__)

# Predicts the rows of one request with the version that it is given.
PredictWith = Callable[[LoadedVersion], Prediction]


class LoadedSplit(NamedTuple):
    """A traffic split, and the versions that it needs beside the champion as far as they could be loaded."""

    split: TrafficSplit
    versions: Mapping[str, LoadedVersion]
    tallies: CanaryTallies

    def version_for(self, sticky_key: str | None, champion: LoadedVersion) -> LoadedVersion:
        """The version that answers a client; the champion without a key."""
        if sticky_key is None or self.split.mode == "shadow":
            return champion
        return self.versions.get(self.split.version_for(sticky_key) or champion.version, champion)

    def shadows(self, champion: LoadedVersion) -> list[LoadedVersion]:
        """The versions that predict after the answer."""
        if self.split.mode != "shadow":
            return []
        return [model for version, model in self.versions.items() if version != champion.version]


class TrafficRouter:
    """Follows ``routing.json``, loads challengers, sends requests their way, ends canaries that do worse.

    ``split``: which version gets which requests, None if one gets all.

    :param load: loads a version up to where it could serve; raises a `ServiceError`.
    :param predict_unseen: predicts without cache and without events.
    :param report: writes this worker's notes for the others.
    :param reports: what all living workers reported.
    """

    def __init__(
        self,
        file: TrafficSplitFile,
        *,
        load: Callable[[str], LoadedVersion],
        predict_unseen: PredictUnseen,
        report: Callable[[dict[str, Any]], None],
        reports: Callable[[], Sequence[Mapping[str, Any]]],
        notify: Notifier,
        limits: CanaryLimits,
    ) -> None:
        self.split: LoadedSplit | None = None
        self.shadow = Shadow(predict_unseen, notify)
        self._file = file
        self._load_version = load
        self._predict_unseen = predict_unseen
        self._report_notes = report
        self._reports = reports
        self._notify = notify
        self._limits = limits
        self._failed: set[str] = set()
        self._polling = Lock()
        self._process = secrets.token_hex(8)
        self._notes: dict[str, Any] = {"routing": None}

    def predict(
        self,
        champion: LoadedVersion,
        rows: RawRows,
        predict_with: PredictWith,
        *,
        sticky_key: str | None,
        pinned: str | None,
    ) -> Prediction:
        """Predict with the version of the client, or with the one that is pinned.

        Where the client's version fails, the champion answers; a pinned one has nobody behind it.

        :raises VersionNotLoaded: if that is neither the champion nor part of the traffic split.
        """
        loaded = self.split
        if pinned is not None:
            model = champion if pinned == champion.version else loaded and loaded.versions.get(pinned)
            if model is None:
                raise VersionNotLoaded(pinned)
            return predict_with(model)
        if loaded is None:  # ended in the meantime
            return predict_with(champion)
        model = loaded.version_for(sticky_key, champion)
        prediction = self._answer(loaded, model, champion, rows, predict_with)
        for challenger in loaded.shadows(champion):
            self.shadow.submit(Job(challenger, rows, prediction))
        return prediction

    def poll(self, champion: LoadedVersion | None) -> None:
        """Take up a change of the file, load what it needs beside the champion, and judge a canary."""
        with self._polling:
            split, loaded = self._file.current(), self.split
            if split is None:
                self.split = None
            elif loaded is None or loaded.split.id != split.id:
                self._failed.clear()
                self.split = LoadedSplit(split, self._load(split, champion), CanaryTallies(self._limits))
            elif self._missing(split, champion):
                self.split = loaded._replace(versions=self._load(split, champion))
            self._report()
            if split is not None and split.mode == "canary":
                self._judge(split)

    def _known(self) -> Mapping[str, LoadedVersion]:
        return self.split.versions if self.split else {}

    def _missing(self, split: TrafficSplit, champion: LoadedVersion | None) -> list[str]:
        known = {*self._known(), *self._failed, *([champion.version] if champion else ())}
        return [version for version in split.shares if version not in known]

    def _load(self, split: TrafficSplit, champion: LoadedVersion | None) -> dict[str, LoadedVersion]:
        versions = {name: version for name, version in self._known().items() if name in split.shares}
        for name in self._missing(split, champion):
            try:
                versions[name] = self._load_version(name)
            except ServiceError:
                self._failed.add(name)
        return versions

    def _answer(
        self,
        loaded: LoadedSplit,
        model: LoadedVersion,
        champion: LoadedVersion,
        rows: RawRows,
        predict_with: PredictWith,
    ) -> Prediction:
        """The prediction of ``model``, or of the champion where it fails: counted for each that was asked."""

        def count(seconds: float | None, *, failed: bool) -> None:
            """The one feed of the canary's tallies and the metrics."""
            loaded.tallies.add(CHAMPION if model is champion else CHALLENGER, seconds=seconds, failed=failed)
            self._notify(Routed(model, seconds, failed))

        started = perf_counter()
        try:
            prediction = predict_with(model)
        except ServiceError as error:
            if isinstance(error, InvalidInput) and self._rejects(champion, rows):
                raise
            count(None, failed=True)
            if model is champion:
                raise
            reason = type(error.__cause__ or error).__name__
            log.warning("the challenger failed", extra={"model_version": model.version, "reason": reason})
            return self._answer(loaded, champion, champion, rows, predict_with)
        cached = bool(prediction.cached) and all(prediction.cached)
        count(None if cached else (perf_counter() - started) / len(prediction.output.values), failed=False)
        return prediction

    def _rejects(self, champion: LoadedVersion, rows: RawRows) -> bool:
        """Whether the fault is the client's: the champion rejects these rows too."""
        try:
            self._predict_unseen(champion, rows)
        except ServiceError as error:
            return isinstance(error, InvalidInput)
        return False

    def _report(self) -> None:
        notes: dict[str, Any] = {"routing": None}
        if (loaded := self.split) is not None:
            tallies = loaded.tallies.to_dict()
            notes = {"routing": loaded.split.id, "process": self._process, "ledger": tallies}
        if notes != self._notes:
            self._notes = notes
            self._report_notes(notes)

    def _judge(self, split: TrafficSplit) -> None:
        reports = [report for report in self._reports() if report.get("routing") == split.id]
        others = [report["ledger"] for report in reports if report["process"] != self._process]
        tallies = [self._notes["ledger"], *others]
        champion, canary = (total(each[role] for each in tallies) for role in (CHAMPION, CHALLENGER))
        reason = decide(champion, canary, self._limits)
        if reason and self._file.end(split, reason):
            (version,) = split.shares
            log.error("canary ended", extra={"model_version": version, "reason": reason})
            self._notify(CanaryEnded(version, reason))
            self.split = None
            self._report()
