"""Fitted transformers that mix the columns of each row, as plain data, one class each.

As in `number_steps`, the arithmetic is scikit-learn's, operation for operation, on arrays in the same order
in memory: the last bit of a matrix product depends on it, and on how many rows are multiplied at once. Rows
with missing numbers, which the originals refuse, are left to them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix

Weights = tuple[tuple[float, ...], ...]


def _complete(columns: Matrix) -> Matrix:
    """:raises NotCovered: for a missing number."""
    if np.isnan(columns).any():
        raise NotCovered
    return columns


@dataclass(frozen=True)
class Project:
    """``x @ weights.T``, less the projected ``mean``, divided by ``scale``: PCA, TruncatedSVD.

    ``weights``: (outputs, inputs). ``by_columns``: whether columns come first in memory, which the last bit
    of a product depends on.
    """

    op: ClassVar[str] = "project"
    weights: Weights
    mean: tuple[float, ...] | None
    scale: tuple[float, ...] | None
    by_columns: bool

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix | None, Matrix | None]:
        weights = np.array(self.weights, order="F" if self.by_columns else "C")
        center = None if self.mean is None else np.array(self.mean).reshape(1, -1) @ weights.T
        return weights, center, None if self.scale is None else np.array(self.scale)

    def apply(self, columns: Matrix) -> Matrix:
        weights, center, scale = self._arrays
        projected = _complete(columns) @ weights.T
        if center is not None:
            projected -= center
        return projected if scale is None else projected / scale

    def reach(self, limit: float) -> float:
        weights, center, scale = self._arrays
        moved = limit * np.abs(weights).sum(axis=1).max() + (0.0 if center is None else np.abs(center).max())
        return float(max(moved, 0.0 if scale is None else moved / scale.min()))


@dataclass(frozen=True)
class Normalize:
    """Each row divided by its norm: Normalizer."""

    op: ClassVar[str] = "normalize"
    norm: str

    def apply(self, columns: Matrix) -> Matrix:
        norms = NORMS[self.norm](_complete(columns))
        norms[norms < 10 * np.finfo(np.float64).eps] = 1.0
        return columns / norms[:, None]

    def reach(self, limit: float) -> float:
        return max(limit * limit, 1e20)  # a squared number, of how many columns ever


def squared_norms(rows: Matrix) -> Matrix:
    """The squared Euclidean norm of each row, (n,)."""
    found: Matrix = np.einsum("ij,ij->i", rows, rows)
    return found


NORMS: dict[str, Callable[[Matrix], Matrix]] = {
    "l1": lambda rows: np.abs(rows).sum(axis=1),
    "l2": lambda rows: np.sqrt(squared_norms(rows)),
    "max": lambda rows: np.abs(rows).max(axis=1),
}


@dataclass(frozen=True)
class KernelMap:
    """Kernels of each row with ``points``, times ``weights``: Nystroem, support vector machines.

    ``points``: (n, inputs). ``weights``: (outputs, n).
    """

    op: ClassVar[str] = "kernel_map"
    kernel: str
    points: Weights
    weights: Weights
    gamma: float
    coef0: float
    degree: float

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix, Matrix]:
        points = np.array(self.points)
        return points, squared_norms(points)[None, :], np.array(self.weights)

    def apply(self, columns: Matrix) -> Matrix:
        points, squares, weights = self._arrays
        products = _complete(columns) @ points.T
        if self.kernel == "rbf":
            products = -2 * products
            products += squared_norms(columns)[:, None]
            products += squares
            np.maximum(products, 0.0, out=products)
            products *= -self.gamma
            np.exp(products, out=products)
        elif self.kernel != "linear":
            products *= self.gamma
            products += self.coef0
            products = np.tanh(products) if self.kernel == "sigmoid" else products**self.degree
        return products @ weights.T

    def reach(self, limit: float) -> float:
        points, _, weights = self._arrays
        largest = max(limit, np.abs(points).max())
        products = largest * largest * 4 * points.shape[1] * max(1.0, abs(self.gamma)) + abs(self.coef0)
        kernels = {"rbf": 1.0, "sigmoid": 1.0, "linear": products}.get(self.kernel, products**self.degree)
        return float(max(products, kernels, kernels * np.abs(weights).sum(axis=1).max()))


@dataclass(frozen=True)
class RandomWaves:
    """Cosines of random projections: RBFSampler. ``weights``: (inputs, outputs)."""

    op: ClassVar[str] = "random_waves"
    weights: Weights
    offset: tuple[float, ...]

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix]:
        return np.array(self.weights), np.array(self.offset)

    def apply(self, columns: Matrix) -> Matrix:
        weights, offset = self._arrays
        waves = _complete(columns) @ weights
        waves += offset
        np.cos(waves, out=waves)
        waves *= (2.0 / len(offset)) ** 0.5
        return waves

    def reach(self, limit: float) -> float:
        weights, offset = self._arrays
        return float(limit * np.abs(weights).sum(axis=0).max() + np.abs(offset).max())
