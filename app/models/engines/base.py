"""The seam between the service and whatever computes predictions."""

from typing import Protocol

from app.models.predictions import Outcome
from app.models.rows import Rows


class Engine(Protocol):
    """Computes predictions; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """Which engine answers."""

    def predict(self, rows: Rows) -> Outcome:
        """Predict rows that conform to the model's input signature."""
