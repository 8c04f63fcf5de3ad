"""Missing numbers from the rows of the training data that are most like a row: KNNImputer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.preprocessing.matrix_steps import Weights, squared_norms
from app.models.schema.rows import Matrix

ROUNDING = 1e-12  # of a squared distance, as a part of the two squared norms


def nearest(
    distances: Matrix,
    rounding: Matrix,
    count: int,
    are_alike: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
) -> tuple[NDArray[np.intp], Matrix, NDArray[np.bool_]]:
    """The nearest points of each row, (n, count), their distances, and whether these are sure, (n,).

    Points that are no further apart than rounding may be in any order, unless they are alike.

    :param distances: (n, points), NaN for points that are none.
    :param rounding: by which a distance of each row may be wrong, (n,).
    :param are_alike: from a mask of points, (m, points), to whether those of each row come to the same.
    """
    count = min(count, distances.shape[1])
    order = np.argpartition(distances, min(count, distances.shape[1] - 1), axis=1)[:, : count + 1]
    by_rank = np.argsort(np.take_along_axis(distances, order, axis=1), axis=1, kind="stable")
    order = np.take_along_axis(order, by_rank, axis=1)
    ranked = np.take_along_axis(distances, order, axis=1)
    sure = np.ones(len(distances), dtype=bool)
    if ranked.shape[1] > count:
        last = ranked[:, count - 1, None]
        unsure = ranked[:, count] - last[:, 0] <= 2 * rounding
        sure[unsure] = are_alike(np.abs(distances - last)[unsure] <= 2 * rounding[unsure, None])
    return order[:, :count], ranked[:, :count], sure


def are_equal(chosen: NDArray[np.bool_], values: Matrix) -> NDArray[np.bool_]:
    """Whether all chosen values, (n, values), of each row are the same."""
    least: Matrix = np.where(chosen, values, np.inf).min(axis=1)
    return np.asarray(least == np.where(chosen, values, -np.inf).max(axis=1))


@dataclass(frozen=True)
class ImputeByNeighbours:
    """NaN becomes the mean of that column in the nearest of the ``points``, (n, inputs), that have it.

    A row whose neighbours the last bits of two distances decide is left to the original.
    """

    op: ClassVar[str] = "impute_by_neighbours"
    points: Weights
    count: int
    by_distance: bool

    @cached_property
    def _arrays(self) -> tuple[Matrix, Matrix, Matrix]:
        """The points, the same with zero for NaN, and one where there is a number."""
        points = np.array(self.points)
        known = ~np.isnan(points)
        return points, np.where(known, points, 0.0), known.astype(np.float64)

    def apply(self, columns: Matrix) -> Matrix:
        missing = np.isnan(columns)
        rows = np.flatnonzero(missing.any(axis=1))
        if not len(rows):
            return columns
        points, _, known = self._arrays
        filled = columns.copy()
        distances, rounding = self._distances(columns[rows])
        undecided = np.zeros(len(rows), dtype=bool)
        for column in np.flatnonzero(missing.any(axis=0)).tolist():
            receivers, donors = np.flatnonzero(missing[rows, column]), np.flatnonzero(known[:, column])
            apart = distances[np.ix_(receivers, donors)]
            found, unsure = self._means(apart, rounding[receivers], points[donors, column])
            filled[rows[receivers], column] = found
            undecided[receivers] |= unsure
        if undecided.any():
            raise NotCovered(rows[undecided].tolist())
        return filled

    def _distances(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """Squared distances over what both have, scaled up to all columns, NaN if that is nothing.

        Operation for operation as ``nan_euclidean_distances``: small ones are what rounding leaves of large
        squares.
        """
        _, points, known = self._arrays
        missing, rows = np.isnan(rows).astype(np.float64), np.nan_to_num(rows)
        norms, squares = squared_norms(rows)[:, None], squared_norms(points)[None, :]
        found = -2.0 * (rows @ points.T)
        found += norms
        found += squares
        np.maximum(found, 0.0, out=found)
        found -= (rows * rows) @ (1.0 - known).T
        found -= missing @ (points * points).T
        np.clip(found, 0.0, None, out=found)
        both = (1.0 - missing) @ known.T
        found[both == 0] = np.nan
        found /= np.maximum(1.0, both)
        found *= rows.shape[1]
        return found, ROUNDING * rows.shape[1] * (norms[:, 0] + squares.max())

    def _means(self, distances: Matrix, rounding: Matrix, values: Matrix) -> tuple[Matrix, NDArray[np.bool_]]:
        """The mean of the nearest donors' values for each row, and the rows of which they are not sure."""
        order, ranked, sure = nearest(distances, rounding, self.count, lambda near: are_equal(near, values))
        weights = (~np.isnan(ranked)).astype(np.float64)
        if self.by_distance:
            sure &= ~(ranked[:, 0] <= rounding)
            with np.errstate(divide="ignore", invalid="ignore"):
                weights = np.nan_to_num(1.0 / np.sqrt(ranked), posinf=0.0)
        nothing = ~weights.any(axis=1)
        total = np.where(nothing, 1.0, weights.sum(axis=1))
        means = (values[order] * weights).sum(axis=1) / total
        return np.where(nothing, values.mean(), means), ~sure

    def reach(self, limit: float) -> float:
        _, points, _ = self._arrays
        largest = max(limit, float(np.abs(points).max()))
        return float(largest * largest * 4 * points.shape[1] ** 2)
