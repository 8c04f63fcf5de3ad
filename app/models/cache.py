"""The seam between the door and whatever remembers predictions."""

from collections.abc import Callable
from typing import Protocol

from app.models.loading import LoadedModel
from app.models.predictions import Outcome
from app.models.rows import Rows

Compute = Callable[[Rows], Outcome]


class PredictionCache(Protocol):
    """Remembers the outcome of single rows; safe to share by threads."""

    def outcome(self, model: LoadedModel, rows: Rows, compute: Compute) -> tuple[Outcome, list[bool]]:
        """The outcome of all rows, computing what is not remembered; and which rows were remembered.

        No flags at all if nobody looked.
        """

    def wanted(self, *, asked: bool) -> bool:
        """Whether to look: always, never, or where the route asked for it."""


class NullCache:
    """Remembers nothing."""

    def outcome(self, model: LoadedModel, rows: Rows, compute: Compute) -> tuple[Outcome, list[bool]]:
        return compute(rows), []

    def wanted(self, *, asked: bool) -> bool:
        return False
