"""Ports: what the core asks of the outside, a cache and observers; an error in one reaches no caller."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from app.exceptions import InvalidInput, ServiceError
from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.schema.rows import Rows
from app.models.schema.validation import RawRows

log = logging.getLogger(__name__)

Compute = Callable[[Rows], EngineOutput]


class PredictionCache(Protocol):
    """Caches the output for single rows; safe to share by threads.

    ``every_route``: True if all routes look rows up, not only those that ask for it.
    """

    every_route: bool

    def output(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        """The output for all rows, computed where it is not cached; and which rows were cached.

        No flags at all if nothing was looked up.
        """


class NullCache:
    """Caches nothing."""

    every_route = False

    def output(self, model: LoadedVersion, rows: Rows, compute: Compute) -> tuple[EngineOutput, list[bool]]:
        return compute(rows), []


class Predicted(NamedTuple):
    """``rows``, as the client gave them, were predicted; ``seconds``: in the engine or the cache."""

    prediction: Prediction
    rows: RawRows
    seconds: float


class CacheLookedUp(NamedTuple):
    """Rows were looked up in the cache; precedes `Predicted`."""

    hits: int
    misses: int


class EngineFailed(NamedTuple):
    """An engine failed at run time, and the original model answered instead."""

    engine: str


class Loaded(NamedTuple):
    """A version was loaded and could serve."""

    model: LoadedVersion
    seconds: float


class LoadRejected(NamedTuple):
    """A version failed a check; what served before goes on serving."""

    version: str
    reason: str


class Routed(NamedTuple):
    """A version answered or failed during a traffic split; ``seconds`` per row, None if cached or failed."""

    model: LoadedVersion
    seconds: float | None
    failed: bool


class Shadowed(NamedTuple):
    """A challenger predicted in the shadow, otherwise than the champion for ``disagreed`` rows."""

    prediction: Prediction
    disagreed: int
    seconds: float


class NotShadowed(NamedTuple):
    """A challenger ``failed`` in the shadow, or rows were ``dropped`` because too many waited."""

    challenger: LoadedVersion
    rows: int
    outcome: str


class CanaryEnded(NamedTuple):
    """A canary was ended because it did worse than the champion."""

    version: str
    reason: str


class PortFailed(NamedTuple):
    """An observer or the cache raised."""

    port: str


SplitEvent = Routed | Shadowed | NotShadowed | CanaryEnded
Event = Predicted | CacheLookedUp | EngineFailed | Loaded | LoadRejected | SplitEvent | PortFailed
# Called with the name of the model and what happened to it.
Observer = Callable[[str, Event], None]


class Notifier:
    """Hands the events of one model to observers; what one of them raises is logged and counted."""

    def __init__(self, name: str, observers: Sequence[Observer] = ()) -> None:
        self._name = name
        self._observers = observers

    def __call__(self, event: Event) -> None:
        for observe in self._observers:
            try:
                observe(self._name, event)
            except Exception:
                self.failed(type(observe).__name__)

    def failed(self, port: str) -> None:
        """Log and count the exception that a port raised."""
        log.exception("a port failed", extra={"port": port})
        for observe in self._observers:
            with suppress(Exception):  # the one that failed may fail again
                observe(self._name, PortFailed(port))


def through_cache(
    cache: PredictionCache, notify: Notifier, model: LoadedVersion, rows: Rows, compute: Compute
) -> tuple[EngineOutput, list[bool]]:
    """As `PredictionCache.output`, computed where the cache itself fails.

    :raises ServiceError: as ``compute`` does.
    """
    try:
        output, cached = cache.output(model, rows, compute)
    except InvalidInput:  # names rows by their positions among those that were not cached
        return compute(rows), []
    except ServiceError:
        raise
    except Exception:
        notify.failed("cache")
        return compute(rows), []
    if cached:
        notify(CacheLookedUp(hits=sum(cached), misses=cached.count(False)))
    return output, cached
