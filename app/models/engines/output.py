"""The output of an engine."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class EngineOutput(NamedTuple):
    """One engine call over n rows.

    ``values``: for a classifier the position of each label in the model's classes, intp (n,), or (n, targets)
    for several labels a row; for a regressor or transformer float64 (n,) or (n, outputs); for a clusterer
    intp (n,). ``probabilities``: float64 (n, classes), those of several targets side by side; for an outlier
    detector its score, (n, 1); or None.
    """

    values: NDArray[Any]
    probabilities: NDArray[np.float64] | None

    def first(self, rows: int) -> "EngineOutput":
        """The output of the first rows."""
        shares = self.probabilities
        return EngineOutput(self.values[:rows], None if shares is None else shares[:rows])


class NoSuchMethod(LookupError):
    """The model does not have the method, or only its compiled form is here."""


class FiniteOutput(EngineOutput):
    """An output whose numbers the engine found to be finite, so that nothing checks them again."""

    __slots__ = ()
