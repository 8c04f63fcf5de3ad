"""Fitted transformers that bend each column of numbers on its own, as plain data, one class each.

As in `number_steps`, the arithmetic is scikit-learn's and SciPy's, operation for operation. Rows that the
original refuses, or whose numbers leave the range that the engines are compared in, are left to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.kernel import LARGEST
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.schema.rows import Matrix

Curve = NDArray[np.float64]

FUNCTIONS: dict[str, Callable[[Matrix], Matrix]] = {
    function.__name__: function
    for function in (
        *(np.log, np.log1p, np.log2, np.log10, np.exp, np.exp2, np.expm1, np.sqrt, np.cbrt, np.square),
        *(np.absolute, np.fabs, np.negative, np.positive, np.reciprocal, np.sign),
        *(np.floor, np.ceil, np.rint, np.trunc),
        *(np.sin, np.cos, np.arctan, np.tanh, np.sinh, np.cosh, np.arcsinh),
    )
}


def covered(before: Matrix, after: Matrix) -> Matrix:
    """The numbers after a step.

    :raises NotCovered: if one is too large, or missing where it was not before.
    """
    if not ((np.abs(after) <= LARGEST) | np.isnan(before)).all():
        raise NotCovered
    return after


@dataclass(frozen=True)
class Function:
    """A function of NumPy with one argument: FunctionTransformer."""

    op: ClassVar[str] = "function"
    name: str

    def apply(self, columns: Matrix) -> Matrix:
        with np.errstate(all="ignore"):
            return covered(columns, FUNCTIONS[self.name](columns))

    def reach(self, limit: float) -> float:
        return LARGEST


@dataclass(frozen=True)
class Power:
    """Box-Cox or Yeo-Johnson with a ``lambdas`` per column: PowerTransformer before it standardizes."""

    op: ClassVar[str] = "power"
    method: str
    lambdas: tuple[float, ...]

    def apply(self, columns: Matrix) -> Matrix:
        bend = yeo_johnson if self.method == "yeo-johnson" else box_cox
        with np.errstate(all="ignore"):
            curves = [bend(column, power) for column, power in zip(columns.T, self.lambdas, strict=True)]
            return covered(columns, np.column_stack(curves))

    def reach(self, limit: float) -> float:
        return LARGEST


def yeo_johnson(column: Curve, power: float) -> Curve:
    """As ``scipy.stats.yeojohnson``, which takes a second to import."""
    smallest = np.finfo(np.float64).eps
    bent, positive = np.zeros_like(column), column >= 0
    above, below = np.log1p(column[positive]), np.log1p(-column[~positive])
    bent[positive] = above if abs(power) < smallest else np.expm1(power * above) / power
    bent[~positive] = -np.expm1((2 - power) * below) / (2 - power) if abs(power - 2) > smallest else -below
    return bent


def box_cox(column: Curve, power: float) -> Curve:
    """SciPy's own function.

    :raises NotCovered: for numbers that are not positive.
    """
    from scipy.special import boxcox  # which no other step needs

    if (column <= 0).any():
        raise NotCovered
    bent: Curve = boxcox(column, power)
    return bent


@dataclass(frozen=True)
class Bins:
    """The number of the bin, or with ``one_hot`` a column for each: KBinsDiscretizer, which raises for NaN.

    ``edges``: per column, without the outermost.
    """

    op: ClassVar[str] = "bins"
    edges: tuple[tuple[float, ...], ...]
    one_hot: bool

    def apply(self, columns: Matrix) -> Matrix:
        if np.isnan(columns).any():
            raise NotCovered
        bins = [
            np.searchsorted(np.array(edges), column, side="right")
            for column, edges in zip(columns.T, self.edges, strict=True)
        ]
        if not self.one_hot:
            return np.column_stack(bins).astype(np.float64)
        hot = [np.eye(len(edges) + 1)[bin_] for bin_, edges in zip(bins, self.edges, strict=True)]
        return np.hstack(hot)

    def reach(self, limit: float) -> float:
        return float(max(len(edges) + 1 for edges in self.edges))


@dataclass(frozen=True)
class Quantiles:
    """The share of the training data below a number: QuantileTransformer.

    ``quantiles``: per column. ``references``: their shares. ``normal``: the share's quantile of the normal
    distribution instead.
    """

    op: ClassVar[str] = "quantiles"
    quantiles: tuple[tuple[float, ...], ...]
    references: tuple[float, ...]
    normal: bool

    # scikit-learn's BOUNDS_THRESHOLD.
    NEAR: ClassVar[float] = 1e-7

    def apply(self, columns: Matrix) -> Matrix:
        return np.column_stack([self._bent(*each) for each in zip(columns.T, self._quantiles, strict=True)])

    def reach(self, limit: float) -> float:
        return 10.0

    @cached_property
    def _quantiles(self) -> list[Curve]:
        return [np.array(quantiles) for quantiles in self.quantiles]

    @cached_property
    def _normal(self) -> tuple[Callable[[Curve], Curve], Any, Any]:
        from scipy.special import ndtri  # which no other step needs

        least = self.NEAR - np.spacing(1)
        return ndtri, ndtri(least), ndtri(1 - least)

    def _bent(self, column: Curve, quantiles: Curve) -> Curve:
        references = np.array(self.references)
        lowest, highest = quantiles[0], quantiles[-1]
        if self.normal:
            below, above = column - self.NEAR < lowest, column + self.NEAR > highest
        else:
            below, above = column == lowest, column == highest
        share, known = column.copy(), ~np.isnan(column)
        # From both sides, because quantiles may be equal.
        rising = np.interp(column[known], quantiles, references)
        falling = np.interp(-column[known], -quantiles[::-1], -references[::-1])
        share[known] = 0.5 * (rising - falling)
        share[above], share[below] = 1, 0
        if not self.normal:
            return share
        quantile_of, least, most = self._normal
        return np.clip(quantile_of(share), least, most)
