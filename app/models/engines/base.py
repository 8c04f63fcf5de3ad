"""The seam between the service and whatever computes predictions."""

from typing import Protocol

from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows


class Engine(Protocol):
    """Computes predictions; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """Which engine answers."""

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that conform to the model's input signature."""
