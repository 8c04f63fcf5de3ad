"""The interface of an engine."""

from typing import Protocol

from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows


class Engine(Protocol):
    """Computes predictions; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """The engine's name in the table."""

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that fit the model's input signature."""
