"""A compiled engine without the original model behind it."""

from typing import Any

from numpy.typing import NDArray

from app.models.engines.compiled import CompiledEngine
from app.models.engines.output import EngineOutput, NoSuchMethod
from app.models.schema.rows import Rows

OUTSIDE = (
    "this row is beyond what the certificate covers (a number too large, a missing value or an unknown"
    " category), and the original model is not here to answer it"
)


class OutsideCertificate(LookupError):
    """A row is beyond what the certificate of an engine covers, and nothing else can answer it."""


class LoneEngine:
    """Answers from the compiled engine alone: rows too close to call by its own numbers.

    :param engine: made with ``tie`` None, so that it leaves open only what it cannot answer.
    """

    def __init__(self, engine: CompiledEngine) -> None:
        self.name = engine.name
        self.compiled = engine

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that fit the model's input signature.

        :raises OutsideCertificate: for any row that the certificate does not cover.
        """
        output, open_rows = self.compiled.attempt(rows)
        if open_rows is not None:
            raise OutsideCertificate(OUTSIDE)
        return output

    def call(self, method: str, rows: Rows) -> NDArray[Any]:
        """See `Engine.call`: no method is here but ``predict`` and ``predict_proba``."""
        raise NoSuchMethod(f"the original model is not here, and has the only {method}")
