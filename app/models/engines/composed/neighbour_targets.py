"""What the targets of a row's neighbours come to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.engines.composed.operation import Part
from app.models.engines.preprocessing.neighbour_step import are_equal
from app.models.schema.rows import Matrix

TIE = 1e-6  # of weights by distance, which differ by less


def summary_of(part: Part) -> "_Numbers | _Classes":
    """How a part sums its targets up: as shares of classes, or as their mean."""
    classes = part["classes"]
    return (
        _Classes(part["targets"], classes, tied=part["by_distance"]) if classes else _Numbers(part["targets"])
    )


class _Summary:
    """What the targets of some points, (points, targets), come to."""

    def __init__(self, targets: NDArray[Any]) -> None:
        self._targets = targets

    def are_equal(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether all chosen points have the same targets, as those have that are drawn more than once."""
        found = np.ones(len(chosen), dtype=bool)
        for target in self._targets.T:
            found &= are_equal(chosen, target)
        return found


class _Numbers(_Summary):
    """The weighted mean of the chosen points' numbers, (n, targets)."""

    def __call__(self, chosen: NDArray[np.intp], weights: Matrix) -> Matrix:
        with np.errstate(all="ignore"):  # of no weight, and of infinite ones
            means = [
                (target[chosen] * weights).sum(axis=1) / weights.sum(axis=1) for target in self._targets.T
            ]
        return np.column_stack(means)


class _Classes(_Summary):
    """The code with most votes of the chosen points for each target, and then the shares of all classes."""

    def __init__(self, targets: NDArray[Any], classes: Sequence[int], *, tied: bool) -> None:
        super().__init__(targets)
        self._classes, self._tied = classes, tied

    def __call__(self, chosen: NDArray[np.intp], weights: Matrix) -> Matrix:
        shares = [
            self._shares(target[chosen], weights, count)
            for target, count in zip(self._targets.T, self._classes, strict=True)
        ]
        return np.hstack([*map(self._codes, shares), *shares])

    def _shares(self, codes: NDArray[np.intp], weights: Matrix, count: int) -> Matrix:
        votes = np.zeros((len(codes), count))
        rows = np.arange(len(codes))
        for code, weight in zip(codes.T, weights.T, strict=True):  # added in order of distance
            votes[rows, code] += weight
        with np.errstate(all="ignore"):
            votes /= votes.sum(axis=1, keepdims=True)
        return votes

    def _codes(self, shares: Matrix) -> Matrix:
        codes: Matrix = shares.argmax(axis=1)[:, None].astype(np.float64)
        if self._tied:  # sums of weights, whose last bit decides
            near = shares >= shares.max(axis=1, keepdims=True) - TIE
            codes[near.sum(axis=1) > 1] = np.nan
        return codes
