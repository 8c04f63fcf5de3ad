"""The ``treelite`` engine's kernel: a tree ensemble, run by treelite's GTIL on one thread."""

import treelite

from app.models.engines.kernel import KernelSpec, outcome_of
from app.models.predictions import Outcome
from app.models.rows import Matrix


class TreeliteKernel:
    """A tree ensemble in memory; immutable, shared by threads."""

    name = "treelite"

    def __init__(self, content: bytes, spec: KernelSpec) -> None:
        self._spec = spec
        self._model = treelite.Model.deserialize_bytes(content)

    def predict(self, matrix: Matrix) -> Outcome:
        """Outcome of n prepared rows, float64 (n, width)."""
        raw = treelite.gtil.predict(self._model, self._spec.prepare(matrix), nthread=1)
        return outcome_of(raw.reshape(len(matrix), -1), self._spec)
