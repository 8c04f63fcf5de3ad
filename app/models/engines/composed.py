"""The kernel of an ensemble of ensembles: its members' graphs, and the wrapper's own arithmetic in NumPy.

A part is a function of a float64 matrix (n, width), written as a dictionary with the name of its operation.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import combinations
from typing import Any

import msgpack
import numpy as np

from app.models.engines.kernel import KernelSpec
from app.models.engines.onnx_engine import OnnxKernel
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.schema.rows import Matrix

Part = Mapping[str, Any]
Function = Callable[[Matrix], Matrix]

# Functions that turn the predictions of a transformed target back, by their names in NumPy.
INVERSES = {f.__name__: f for f in (np.exp, np.exp2, np.expm1, np.log, np.log2, np.log1p, np.sqrt, np.square)}
# What scikit-learn adds to a probability before it takes its logarithm.
LEAST = 1e-12


class ComposedKernel:
    """The parts of an ensemble, as one document of msgpack."""

    name = "onnx"

    def __init__(self, content: bytes, spec: KernelSpec) -> None:
        self.spec = spec
        self.run = function_of(msgpack.unpackb(content))


def function_of(part: Part) -> Function:
    """The function of a part.

    :raises KeyError: if the part's operation is unknown.
    """
    return OPERATIONS[part["op"]](part)


def _functions(part: Part) -> list[Function]:
    return [function_of(each) for each in part["parts"]]


def _graph(part: Part) -> Function:
    """A compiled estimator; a row that does not stay finite in the input's precision has no result."""
    spec = KernelSpec.from_dict(part["spec"])
    run = OnnxKernel(part["content"], spec).run

    def numbers(rows: Matrix) -> Matrix:
        with np.errstate(over="ignore"):
            prepared = rows.astype(np.float32) if spec.rounded else rows
            prepared = np.ascontiguousarray(prepared, dtype=spec.dtype)
        found = run(prepared).reshape(len(rows), -1).astype(np.float64)
        overflown = np.asarray(np.isinf(prepared).any(axis=1))
        return np.where(overflown[:, None], np.nan, found) if overflown.any() else found

    return numbers


def _prepared(part: Part) -> Function:
    return Preprocessor.from_dict(part["preprocessor"]).apply


def _columns(part: Part) -> Function:
    columns = part["columns"]
    return lambda rows: rows[:, columns]


def _chain(part: Part) -> Function:
    functions = _functions(part)
    return lambda rows: reduce(lambda found, function: function(found), functions, rows)


def _beside(part: Part) -> Function:
    """The parts' results side by side."""
    functions = _functions(part)
    return lambda rows: np.hstack([function(rows) for function in functions])


def _mean(part: Part) -> Function:
    functions, weights = _functions(part), part["weights"]
    return lambda rows: np.average(
        np.stack([function(rows) for function in functions]), axis=0, weights=weights
    )


def _label(part: Part) -> Function:
    """The code of the largest number, or of a positive one; NaN if the next is within ``tie``."""
    tie = part["tie"]

    def codes(numbers: Matrix) -> Matrix:
        if numbers.shape[1] == 1:
            numbers = np.hstack((-numbers / 2, numbers / 2))
        best = numbers.max(axis=1)
        near = best - tie * np.maximum(1.0, np.abs(best))
        decided = np.isfinite(numbers).all(axis=1) & ((numbers >= near[:, None]).sum(axis=1) == 1)
        return np.where(decided, numbers.argmax(axis=1), np.nan)[:, None]

    return codes


def _several(part: Part) -> Function:
    """The codes of several targets, as by `_label`, and then all their probabilities, if they are any."""
    functions, codes = _functions(part), _label(part)

    def labelled(rows: Matrix) -> Matrix:
        numbers = [function(rows) for function in functions]
        return np.hstack([*map(codes, numbers), *(numbers if part["probabilities"] else ())])

    return labelled


def _votes(part: Part) -> Function:
    """The code with most votes, the first of several; NaN if a vote is open."""
    weights, classes = part["weights"], range(part["classes"])

    def winners(codes: Matrix) -> Matrix:
        given = np.ones(codes.shape[1]) if weights is None else np.array(weights)
        votes = np.zeros((len(codes), len(classes)))
        for column, weight in zip(codes.T, given, strict=True):  # added in the order of the members
            votes += np.where(column[:, None] == classes, weight, 0.0)
        decided = np.isfinite(codes).all(axis=1)
        return np.where(decided, votes.argmax(axis=1), np.nan)[:, None]

    return winners


def _pair_votes(part: Part) -> Function:
    """The code with most votes of the pairs of classes, the first of several; NaN if a pair is too close."""
    pairs, tie = list(combinations(range(part["classes"]), 2)), part["tie"]

    def winners(decisions: Matrix) -> Matrix:
        votes = np.zeros((len(decisions), part["classes"]))
        for (one, other), decision in zip(pairs, decisions.T, strict=True):
            votes[:, one] += decision > 0
            votes[:, other] += decision <= 0
        near = tie * np.maximum(1.0, np.abs(decisions).max(axis=1))
        decided = np.isfinite(decisions).all(axis=1) & (np.abs(decisions) > near[:, None]).all(axis=1)
        return np.where(decided, votes.argmax(axis=1), np.nan)[:, None]

    return winners


def _calibrated(part: Part) -> Function:
    """Probabilities from each class's score: by a sigmoid (slope, intercept), or between points (x, y)."""
    curves = [tuple(map(np.array, curve)) for curve in part["curves"]]
    curve = _sigmoid if part["method"] == "sigmoid" else _interpolated

    def probabilities(scores: Matrix) -> Matrix:
        found = np.column_stack([curve(s, *c) for s, c in zip(scores.T, curves, strict=True)])
        if len(curves) == 1:
            found = np.hstack((1.0 - found, found))
        else:
            total = found.sum(axis=1)[:, None]
            uniform = np.full_like(found, 1 / len(curves))
            found = np.divide(found, total, out=uniform, where=total != 0)
        found[(found > 1.0) & (found <= 1.0 + 1e-5)] = 1.0
        return found

    return probabilities


def _tempered(part: Part) -> Function:
    """Probabilities by temperature: the softmax of scores, or of the logarithms of probabilities, × beta."""
    beta, logs = part["beta"], part["logs"]

    def probabilities(numbers: Matrix) -> Matrix:
        if numbers.shape[1] == 1:
            numbers = np.hstack((1.0 - numbers if logs else -numbers, numbers))
        logits = beta * (np.log(numbers + LEAST) if logs else numbers)
        powers = np.exp(logits - logits.max(axis=1)[:, None])
        shares: Matrix = powers / powers.sum(axis=1)[:, None]
        return shares

    return probabilities


def _sigmoid(scores: Matrix, slope: Matrix, intercept: Matrix) -> Matrix:
    with np.errstate(over="ignore"):
        found: Matrix = 1.0 / (1.0 + np.exp(slope * scores + intercept))
    return found


def _interpolated(scores: Matrix, x: Matrix, y: Matrix) -> Matrix:
    return np.interp(scores, x, y)


def _shares(part: Part) -> Function:
    """Each class's probability against the rest, as shares of their sum."""

    def probabilities(positive: Matrix) -> Matrix:
        if positive.shape[1] == 1:
            return np.hstack((1 - positive, positive))
        with np.errstate(invalid="ignore"):  # without any share a row has no result
            shares: Matrix = positive / positive.sum(axis=1)[:, None]
        return shares

    return probabilities


def _threshold(part: Part) -> Function:
    """The code by a threshold on one class's probability, then the probabilities."""
    position, threshold, tie = part["position"], part["threshold"], part["tie"]

    def labelled(probabilities: Matrix) -> Matrix:
        score = probabilities[:, position]
        codes = np.where(score >= threshold, position, 1 - position)
        decided = np.abs(score - threshold) > tie
        return np.column_stack((np.where(decided, codes, np.nan), probabilities))

    return labelled


def _inverse(part: Part) -> Function:
    return np.errstate(all="ignore")(INVERSES[part["function"]])


def _scaled(part: Part) -> Function:
    factor, shift = part["factor"], part["shift"]
    return lambda predicted: predicted * factor + shift


OPERATIONS: dict[str, Callable[[Part], Function]] = {
    "graph": _graph,
    "prepared": _prepared,
    "columns": _columns,
    "all": lambda part: lambda rows: rows,
    "chain": _chain,
    "beside": _beside,
    "mean": _mean,
    "label": _label,
    "several": _several,
    "votes": _votes,
    "pair_votes": _pair_votes,
    "calibrated": _calibrated,
    "tempered": _tempered,
    "shares": _shares,
    "threshold": _threshold,
    "inverse": _inverse,
    "scaled": _scaled,
}
