"""A compiled engine with another one beside it for calls of many rows."""

import logging
from collections.abc import Callable
from threading import Lock, Thread

from app.exceptions import ArtifactInvalid
from app.models.engines import MANY_ROWS
from app.models.engines.compiled import CompiledEngine
from app.models.engines.kernel import Kernel
from app.models.engines.output import EngineOutput
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.schema.rows import Rows

log = logging.getLogger(__name__)


class BatchingEngine(CompiledEngine):
    """Leaves calls of `MANY_ROWS` or more to another compiled engine, once that is ready.

    The other one is made in a thread when the first such call comes: what it needs takes a second and much
    memory, which services of single rows are spared. Where it cannot be made, or fails, this one goes on.

    :param load: makes the other engine.
    :param on_failure: called with the name of the other engine if it fails.
    """

    most_rows = MANY_ROWS - 1

    def __init__(
        self,
        preprocessor: Preprocessor,
        kernel: Kernel,
        *,
        load: Callable[[], CompiledEngine],
        on_failure: Callable[[str], None],
    ) -> None:
        super().__init__(preprocessor, kernel)
        self._on_failure = on_failure
        self._meanwhile = CompiledEngine(preprocessor, kernel)
        self._load: Callable[[], CompiledEngine] | None = load
        self._other: CompiledEngine | None = None
        self._lock = Lock()

    def attempt_many(self, rows: Rows) -> tuple[EngineOutput, list[int] | None]:
        """Predict more rows than `most_rows`, see `CompiledEngine.attempt`."""
        if (other := self._other) is None:
            self._start()
            return self._meanwhile.attempt(rows)
        try:
            return other.attempt(rows)
        except Exception:  # a runtime may raise anything; this engine can still answer
            with self._lock:
                first, self._other = self._other is other, None
            if first:  # of the calls that fail at one time
                self._on_failure(other.name)
                log.exception("engine for batches failed", extra={"engine": other.name})
            return self._meanwhile.attempt(rows)

    def _start(self) -> None:
        with self._lock:
            load, self._load = self._load, None
        if load is not None:
            Thread(target=self._make, args=(load,), name="engine for batches", daemon=True).start()

    def _make(self, load: Callable[[], CompiledEngine]) -> None:
        try:
            self._other = other = load()
        except ArtifactInvalid as error:
            log.warning("engine for batches cannot be made", extra={"reason": error.reason})
        except Exception:  # its library may raise anything
            log.exception("engine for batches cannot be made")
        else:
            log.info("engine for batches is ready", extra={"engine": other.name})
