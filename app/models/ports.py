"""Ports: what the core asks of the outside, each with a twin that does nothing."""

from collections.abc import Callable
from typing import Protocol

from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.schema.rows import Rows
from app.models.schema.validation import RawRows

Compute = Callable[[Rows], EngineOutput]


class PredictionCache(Protocol):
    """Remembers the outcome of single rows; safe to share by threads."""

    def outcome(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        """The outcome of all rows, computing what is not remembered; and which rows were remembered.

        No flags at all if nobody looked.
        """

    def wanted(self, *, asked: bool) -> bool:
        """Whether to look: always, never, or where the route asked for it."""


class NullCache:
    """Remembers nothing."""

    def outcome(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        return compute(rows), []

    def wanted(self, *, asked: bool) -> bool:
        return False


class Observer:
    """Told of what happens; this one does nothing, and is the base of those that do."""

    def of_model(self, name: str) -> "Observer":
        """The one to tell of another model than the default one."""
        return self

    def predicted(self, answer: Prediction, *, rows: RawRows, seconds: float) -> None:
        """``rows``, as the caller gave them, were predicted; ``seconds`` were spent in the engine, or in the
        cache."""

    def cache_looked_up(self, *, hits: int, misses: int) -> None:
        """Rows were looked up in the cache; told before `predicted`, and not if nobody looked."""

    def failed(self, engine: str) -> None:
        """An engine failed at run time, and scikit-learn answered instead."""

    def loaded(self, model: LoadedVersion, *, seconds: float) -> None:
        """A version was loaded and serves."""

    def routed(self, model: LoadedVersion, *, seconds: float | None, failed: bool) -> None:
        """While there is a routing, a version answered or failed; ``seconds`` per row, if not remembered."""

    def shadowed(self, answer: Prediction, *, disagreed: int, seconds: float) -> None:
        """A challenger predicted in the shadow, otherwise than the champion for ``disagreed`` rows."""

    def shadow_failed(self, challenger: LoadedVersion, *, rows: int) -> None:
        """A challenger failed in the shadow."""

    def shadow_dropped(self, challenger: LoadedVersion, *, rows: int) -> None:
        """Rows were not shadowed, because too many waited."""

    def rolled_back(self, version: str, reason: str) -> None:
        """A canary was ended because it did worse than the champion."""

    def refused(self, version: str, reason: str) -> None:
        """A version was not loaded; what served before goes on serving."""
