"""Models that decide by densities of normal distributions, in scikit-learn's own arithmetic."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from app.models.engines.composed.operation import Function, Operation, Part
from app.models.engines.preprocessing.matrix_steps import squared_norms
from app.models.schema.rows import Matrix


def _mixture(part: Part, _: Sequence[Function]) -> Function:
    """The logarithm of each component's weighted density, (n, components)."""
    means, precisions, constants = part["means"], part["precisions"], part["constants"]
    distances = MIXTURES[part["covariance"]](means, precisions)

    def logs(rows: Matrix) -> Matrix:
        with np.errstate(over="ignore", invalid="ignore"):
            found: Matrix = -0.5 * (rows.shape[1] * math.log(2 * math.pi) + distances(rows)) + constants
        return found

    return logs


def _full(means: Matrix, precisions: Matrix) -> Function:
    centers = [mean @ precision for mean, precision in zip(means, precisions, strict=True)]

    def distances(rows: Matrix) -> Matrix:
        found = zip(precisions, centers, strict=True)
        return np.column_stack([np.square(rows @ each - center).sum(axis=1) for each, center in found])

    return distances


def _tied(means: Matrix, precision: Matrix) -> Function:
    return _full(means, np.broadcast_to(precision, (len(means), *precision.shape)))


def _diagonal(means: Matrix, roots: Matrix) -> Function:
    precisions = roots**2
    centers, slopes = np.sum(means**2 * precisions, axis=1), (means * precisions).T
    return lambda rows: centers - 2.0 * (rows @ slopes) + (rows**2 @ precisions.T)


def _spherical(means: Matrix, roots: Matrix) -> Function:
    precisions = roots**2
    centers = np.sum(means**2, axis=1) * precisions
    return lambda rows: (
        centers - 2 * (rows @ means.T * precisions) + np.outer(squared_norms(rows), precisions)
    )


MIXTURES: Mapping[str, Callable[[Matrix, Matrix], Function]] = {
    "full": _full,
    "tied": _tied,
    "diag": _diagonal,
    "spherical": _spherical,
}


def _independent(part: Part, _: Sequence[Function]) -> Function:
    """The logarithm of each class's weighted density, (n, classes), of columns that are independent in it."""
    means, variances = part["means"], part["variances"]
    logs = [-0.5 * np.sum(np.log(2.0 * np.pi * each)) for each in variances]
    classes = list(zip(means, variances, np.log(part["priors"]), logs, strict=True))

    def densities(rows: Matrix) -> Matrix:
        with np.errstate(over="ignore"):
            found = [
                prior + (log - 0.5 * np.sum((rows - mean) ** 2 / variance, axis=1))
                for mean, variance, prior, log in classes
            ]
        return np.column_stack(found)

    return densities


def _quadratic(part: Part, _: Sequence[Function]) -> Function:
    """The logarithm of each class's weighted density, (n, classes), by distances in its own directions."""
    means, maps = part["means"][:, None, :], part["maps"]
    constants = np.log(part["priors"]) - 0.5 * part["sizes"]

    def densities(rows: Matrix) -> Matrix:
        apart = (rows - means) @ maps
        found: Matrix = constants - 0.5 * np.einsum("kij,kij->ik", apart, apart)
        return found

    return densities


def _margin(_: Part, __: Sequence[Function]) -> Function:
    """How much larger the second of two logarithms is."""
    return lambda logs: logs[:, 1:] - logs[:, :1]


def _apart(part: Part, _: Sequence[Function]) -> Function:
    """The squared Mahalanobis distance from one point, (n, 1)."""
    center, precision = part["center"], part["precision"]

    def distance(rows: Matrix) -> Matrix:
        apart = rows - center
        found: Matrix = np.einsum("ij,ij->i", apart @ precision, apart)
        return found[:, None]

    return distance


def _responsibilities(_: Part, __: Sequence[Function]) -> Function:
    """Each one's share of the density, from the logarithms of all."""

    def shares(logs: Matrix) -> Matrix:
        largest = logs.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            # Less the whole logarithm, as the original: the last bit of a large one is seen in the share.
            total = largest + np.log(np.exp(logs - largest).sum(axis=1, keepdims=True))
            found: Matrix = np.exp(logs - total)
        return found

    return shares


OPERATIONS: Mapping[str, Operation] = {
    "mixture": _mixture,
    "independent": _independent,
    "quadratic": _quadratic,
    "margin": _margin,
    "apart": _apart,
    "responsibilities": _responsibilities,
}
