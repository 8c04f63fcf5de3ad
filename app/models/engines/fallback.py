"""A compiled engine with scikit-learn behind it."""

import logging
from collections.abc import Callable
from threading import Lock

import numpy as np

from app.models.engines.base import Engine
from app.models.predictions import Outcome
from app.models.rows import Rows

log = logging.getLogger(__name__)

MAX_FAILURES = 3


class FallbackEngine:
    """Answers with the compiled engine, and with the reference where that fails.

    Three failures in a row put the compiled engine out until the next load. A result that is not a
    finite number goes to the reference too, which computes in higher precision, but is no failure: the
    caller's numbers may be too large for the engine.

    :param load_reference: makes the reference on first need; unpickling is what compiled engines spare.
    :param on_failure: called with the name of the engine that failed.
    """

    def __init__(
        self, engine: Engine, load_reference: Callable[[], Engine], *, on_failure: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._load_reference = load_reference
        self._on_failure = on_failure
        self._reference: Engine | None = None
        self._loading = Lock()
        self._failures = 0

    @property
    def name(self) -> str:
        """The engine that answers now."""
        return self._engine.name if self._failures < MAX_FAILURES else "sklearn"

    def predict(self, rows: Rows) -> Outcome:
        """Predict rows that conform to the model's input signature."""
        if self._failures < MAX_FAILURES:
            try:
                outcome = self._engine.predict(rows)
            # A runtime raises what it likes; whatever it is, scikit-learn can still answer.
            except Exception:
                self._count_failure()
            else:
                self._failures = 0
                if is_finite(outcome):
                    return outcome
        return self._reference_engine().predict(rows)

    def _count_failure(self) -> None:
        self._failures += 1
        self._on_failure(self._engine.name)
        out = self._failures >= MAX_FAILURES
        log.exception("engine failed", extra={"engine": self._engine.name, "out_until_next_load": out})

    def _reference_engine(self) -> Engine:
        with self._loading:
            if self._reference is None:
                self._reference = self._load_reference()
            return self._reference


def is_finite(outcome: Outcome) -> bool:
    """True if every probability, or every value where there are none, is a finite number."""
    numbers = outcome.values if outcome.probabilities is None else outcome.probabilities
    return bool(np.isfinite(numbers).all())
