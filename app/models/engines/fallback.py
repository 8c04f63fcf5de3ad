"""A compiled engine with the original model behind it."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines import REFERENCE
from app.models.engines.base import Engine
from app.models.engines.compiled import CompiledEngine
from app.models.engines.output import EngineOutput
from app.models.schema.rows import Rows

log = logging.getLogger(__name__)

MAX_FAILURES = 3


class OriginalMissing(LookupError):
    """Only the original model can answer a row, and its libraries are not installed."""


class FallbackEngine:
    """Calls the compiled engine, and the reference for open rows and failures.

    Three failures in a row disable the compiled engine until the next load. Rows that the certificate does
    not cover, such as ties, go to the reference and are no failure.

    ``compiled``: the engine that is called first.

    :param load_reference: makes the reference on first use, because compiled engines spare unpickling.
    :param on_failure: called with the name of the engine that failed.
    """

    def __init__(
        self,
        engine: CompiledEngine,
        load_reference: Callable[[], Engine],
        *,
        on_failure: Callable[[str], None],
    ) -> None:
        self.compiled = engine
        self._load_reference = load_reference
        self._on_failure = on_failure
        self._reference: Engine | None = None
        self._loading = Lock()
        self._failures = 0

    @property
    def name(self) -> str:
        """The engine in use now."""
        return self.compiled.name if self._failures < MAX_FAILURES else REFERENCE

    def predict(self, rows: Rows) -> EngineOutput:
        """Predict rows that fit the model's input signature."""
        if self._failures < MAX_FAILURES:
            try:
                output, open_rows = self.compiled.attempt(rows)
            except Exception:  # a runtime may raise anything; the original can still answer
                self._failures += 1
                self._on_failure(self.compiled.name)
                out = self._failures >= MAX_FAILURES
                log.exception(
                    "engine failed", extra={"engine": self.compiled.name, "out_until_next_load": out}
                )
            else:
                self._failures = 0
                return output if open_rows is None else self._completed(output, open_rows, rows)
        return self.reference.predict(rows)

    def call(self, method: str, rows: Rows) -> NDArray[Any]:
        """See `Engine.call`."""
        return self.reference.call(method, rows)

    @property
    def reference(self) -> Engine:
        """The original model, loaded on first use.

        :raises OriginalMissing: if scikit-learn is not installed.
        """
        with self._loading:
            try:
                self._reference = self._reference or self._load_reference()
            except ImportError:
                message = "only the original model can answer this row, and it cannot be loaded here"
                raise OriginalMissing(message) from None
            return self._reference

    def _completed(self, output: EngineOutput, open_rows: list[int], rows: Rows) -> EngineOutput:
        # All rows of the call: a matrix product rounds a row by its neighbours; the last bit decides ties.
        reference = self.reference.predict(rows)
        if len(open_rows) == len(rows):
            return reference
        values, probabilities = output.values.copy(), output.probabilities
        values[open_rows] = reference.values[open_rows]
        if probabilities is not None and reference.probabilities is not None:
            probabilities = np.array(probabilities)
            probabilities[open_rows] = reference.probabilities[open_rows]
        return EngineOutput(values, probabilities)
