"""The seam between the door and whatever counts what happens behind it."""

from app.models.conformance import RawRows
from app.models.loading import LoadedModel
from app.models.predictions import Answer


class Observer:
    """Told of what happens; this one does nothing, and is the base of those that do."""

    def of_model(self, name: str) -> "Observer":
        """The one to tell of another model than the default one."""
        return self

    def predicted(self, answer: Answer, *, rows: RawRows, seconds: float) -> None:
        """``rows``, as the caller gave them, were predicted; ``seconds`` were spent in the engine, or in the
        cache."""

    def cache_looked_up(self, *, hits: int, misses: int) -> None:
        """Rows were looked up in the cache; told before `predicted`, and not if nobody looked."""

    def failed(self, engine: str) -> None:
        """An engine failed at run time, and scikit-learn answered instead."""

    def loaded(self, model: LoadedModel, *, seconds: float) -> None:
        """A version was loaded and serves."""

    def routed(self, model: LoadedModel, *, seconds: float | None, failed: bool) -> None:
        """While there is a routing, a version answered or failed; ``seconds`` per row, if not remembered."""

    def shadowed(self, answer: Answer, *, disagreed: int, seconds: float) -> None:
        """A challenger predicted in the shadow, otherwise than the champion for ``disagreed`` rows."""

    def shadow_failed(self, challenger: LoadedModel, *, rows: int) -> None:
        """A challenger failed in the shadow."""

    def shadow_dropped(self, challenger: LoadedModel, *, rows: int) -> None:
        """Rows were not shadowed, because too many waited."""

    def rolled_back(self, version: str, reason: str) -> None:
        """A canary was ended because it did worse than the champion."""

    def refused(self, version: str, reason: str) -> None:
        """A version was not loaded; what served before goes on serving."""
