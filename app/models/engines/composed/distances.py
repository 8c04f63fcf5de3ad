"""Models that decide by distances from points: the nearest center or neighbours, or all within a radius.

A squared distance is rounded by some units in the last place of the squared norms, here and in scikit-learn.
A row whose result would change within that rounding has none.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.models.engines.composed.neighbour_targets import summary_of
from app.models.engines.composed.operation import Function, Operation, Part
from app.models.engines.preprocessing.matrix_steps import squared_norms
from app.models.engines.preprocessing.neighbour_step import ROUNDING, nearest
from app.models.schema.rows import Matrix

PRECISE = 1e-7  # part of a distance by which its weight may differ
# Distances at once, which bounds the memory of a batch.
MAX_DISTANCES = 1_000_000


class _Points:
    """Points in memory, and squared Euclidean or plain Manhattan distances from them."""

    def __init__(self, points: Matrix, *, manhattan: bool = False) -> None:
        self._points, self._manhattan = points, manhattan
        self._squares = squared_norms(points)
        self._largest = float(self._squares.max())
        self._reach = float(np.abs(points).sum(axis=1).max())

    def distances(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """The distances, (n, points), and how far rounding may have moved those of each row, (n, 1)."""
        if self._manhattan:
            found = np.zeros((len(rows), len(self._points)))
            for column, point in zip(rows.T, self._points.T, strict=True):
                found += np.abs(column[:, None] - point)
            return found, ROUNDING * (np.abs(rows).sum(axis=1, keepdims=True) + self._reach)
        norms = squared_norms(rows)[:, None]
        found = rows @ self._points.T
        found *= -2.0
        found += self._squares
        found += norms
        return found, ROUNDING * (norms + self._largest)

    def exact(self, rows: Matrix, chosen: NDArray[np.intp]) -> Matrix:
        """The distances from the chosen points of each row, (n, chosen), rounded as little as can be."""
        apart = rows[:, None, :] - self._points[chosen]
        found: Matrix = np.abs(apart).sum(axis=2) if self._manhattan else np.sqrt((apart**2).sum(axis=2))
        return found


def _nearest(part: Part, _: Sequence[Function]) -> Function:
    """The code of the nearest center."""
    points, codes = _Points(part["points"]), np.asarray(part["codes"], dtype=np.float64)
    times = part.get("times", 1.0)  # of numbers that are rounded already

    def code(rows: Matrix) -> Matrix:
        distances, rounding = points.distances(rows)
        found = codes[distances.argmin(axis=1)][:, None]
        near = distances <= distances.min(axis=1, keepdims=True) + times * rounding
        decided = np.isfinite(rounding) & (~near | (codes == found)).all(axis=1, keepdims=True)
        result: Matrix = np.where(decided, found, np.nan)
        return result

    return _in_parts(code, len(codes))


def _discriminants(part: Part, _: Sequence[Function]) -> Function:
    """Each class's discriminant: less for a farther centroid in scaled columns, more for a frequent class."""
    scale, logs = part["scale"], 2.0 * np.log(part["priors"])
    points = _Points(part["points"] / scale)

    def scores(rows: Matrix) -> Matrix:
        distances, _ = points.distances(rows / scale)
        found: Matrix = logs - np.maximum(distances, 0.0)
        return found

    return scores


def _neighbours(part: Part, _: Sequence[Function]) -> Function:
    """The mean of the nearest points' targets, or the votes for each of their classes."""
    points = _Points(part["points"], manhattan=part["manhattan"])
    summary, count, by_distance = summary_of(part), part["count"], part["by_distance"]

    def found(rows: Matrix) -> Matrix:
        distances, rounding = points.distances(rows)
        order, ranked, decided = nearest(distances, rounding[:, 0], count, summary.are_equal)
        decided &= np.isfinite(rounding[:, 0])
        weights = np.ones((len(rows), count))
        if by_distance:
            apart = points.exact(rows, order)
            weights, equal = _inverse(apart), (apart == 0.0).any(axis=1)
            # Of a short distance a product leaves rounding, and differences do not.
            known = (ranked[:, 0] > rounding[:, 0]) | equal
            decided &= known if part["exact"] else ranked[:, 0] > rounding[:, 0] / PRECISE
        return np.where(decided[:, None], summary(order, weights), np.nan)

    return _in_parts(found, len(part["points"]))


def _inverse(distances: Matrix) -> Matrix:
    """Weights by distance: of a row that is a point, that point's alone."""
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances
    infinite = np.isinf(weights)
    return np.where(infinite.any(axis=1, keepdims=True), infinite.astype(np.float64), weights)


def _within(part: Part, _: Sequence[Function]) -> Function:
    """The same for all points within a radius; a row without any has no result."""
    points = _Points(part["points"], manhattan=part["manhattan"])
    summary, everyone = summary_of(part), np.arange(len(part["points"]))
    radius = part["radius"] if part["manhattan"] else part["radius"] ** 2

    def found(rows: Matrix) -> Matrix:
        distances, rounding = points.distances(rows)
        weights = (distances <= radius).astype(np.float64)
        decided = (np.abs(distances - radius) > rounding).all(axis=1) & weights.any(axis=1)
        chosen = np.broadcast_to(everyone, weights.shape)
        return np.where(decided[:, None], summary(chosen, weights), np.nan)

    return _in_parts(found, len(part["points"]))


def _in_parts(function: Function, n_points: int) -> Function:
    size = max(1, MAX_DISTANCES // n_points)

    def found(rows: Matrix) -> Matrix:
        if len(rows) <= size:
            return function(rows)
        return np.vstack([function(rows[start : start + size]) for start in range(0, len(rows), size)])

    return found


OPERATIONS: Mapping[str, Operation] = {
    "nearest": _nearest,
    "discriminants": _discriminants,
    "neighbours": _neighbours,
    "within": _within,
}
