"""Linear margins: weights, intercept and mean row of a linear model, and its exact contributions.

The contribution of a column is ``weight * (x - mean)``, as in Linear SHAP with independent columns (Lundberg
and Lee 2017, https://arxiv.org/abs/1705.07874, corollary 1).
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.explaining.explanation import Attribution
from app.models.schema.rows import Matrix


@dataclass(frozen=True)
class LinearMargins:
    """A linear model over transformed columns.

    ``weights``: (outputs, columns). ``intercept``: (outputs,). ``means``: of the training sample, (columns,).
    ``sources``: the caller's column of each column, negative for a constant.
    """

    weights: Matrix
    intercept: Matrix
    means: Matrix
    sources: Any

    def attribute(self, prepared: Matrix, *, width: int) -> Attribution:
        """Contributions of the caller's ``width`` columns to the margins of transformed rows (n, columns)."""
        moved = prepared - self.means
        base = self.weights @ self.means + self.intercept
        return Attribution(base, moved[:, :, None] * self.weights.T[None]).by_source(
            self.sources, width=width
        )

    def to_bytes(self) -> bytes:
        """The arrays as a file of NumPy."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **vars(self))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "LinearMargins":
        """Inverse of `to_bytes`; never unpickles."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(*(arrays[name] for name in ("weights", "intercept", "means", "sources")))
