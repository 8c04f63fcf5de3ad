"""The interface of an engine."""

from typing import Any, Protocol

from numpy.typing import NDArray

from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows


class Engine(Protocol):
    """Computes predictions; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """The engine's name in the table."""

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that fit the model's input signature."""

    def call(self, method: str, rows: Rows) -> NDArray[Any]:
        """What another method of the model itself gives, such as ``decision_function``; (n,) or (n, outputs).

        :raises NoSuchMethod: if the model does not have it, or is not here.
        """
