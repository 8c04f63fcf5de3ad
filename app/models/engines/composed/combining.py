"""How ensembles combine their members' labels and numbers, in scikit-learn's own arithmetic."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from app.models.engines.compiled import largest
from app.models.engines.composed.operation import Function, Operation, Part
from app.models.schema.rows import Matrix


def _mean(part: Part, functions: Sequence[Function]) -> Function:
    weights = part["weights"]
    return lambda rows: np.average(
        np.stack([function(rows) for function in functions]), axis=0, weights=weights
    )


def _label(part: Part, _: Sequence[Function]) -> Function:
    """The code of the largest number, or of a positive one; NaN if the next is within ``tie``."""
    likely = _likely(part)

    def codes(numbers: Matrix) -> Matrix:
        found = likely(numbers)
        return np.where(found < 0, np.nan, found)

    return codes


def _likely(part: Part) -> Function:
    """The code of the largest number, -1 - code if the next is within ``tie``; NaN if any is not finite.

    An engine without the model behind it answers with the likely code.
    """
    tie = part["tie"]

    def codes(numbers: Matrix) -> Matrix:
        numbers = _of_each_class(numbers)
        _, undecided = largest(numbers, tie)
        result: Matrix = numbers.argmax(axis=1).astype(np.float64)[:, None]
        if undecided:
            result[undecided] = -1 - result[undecided]
        return np.where(np.isfinite(numbers).all(axis=1, keepdims=True), result, np.nan)

    return codes


def _of_each_class(scores: Matrix) -> Matrix:
    """Scores of both classes, as far apart as a single score is from zero."""
    return np.hstack((-scores / 2, scores / 2)) if scores.shape[1] == 1 else scores


def _decided(part: Part, _: Sequence[Function]) -> Function:
    """Scores, or nothing of a row whose two best are closer than rounding tells apart.

    What is made of scores afterwards, such as shares, hides how large they were.
    """
    tie = part["tie"]

    def decided(scores: Matrix) -> Matrix:
        _, undecided = largest(_of_each_class(scores), tie)
        if undecided:
            scores = scores.copy()
            scores[undecided] = np.nan
        return scores

    return decided


def _several(part: Part, functions: Sequence[Function]) -> Function:
    """The codes of several targets, as by `_likely`, and then all their probabilities, if they are any."""
    codes = _likely(part)

    def labelled(rows: Matrix) -> Matrix:
        numbers = [function(rows) for function in functions]
        return np.hstack([*map(codes, numbers), *(numbers if part["probabilities"] else ())])

    return labelled


def _chained(part: Part, functions: Sequence[Function]) -> Function:
    """Functions of which each takes the labels or numbers found before it as more columns.

    As by `_several`, or the numbers alone where there are no classes.
    """
    inverse, classes = np.argsort(part["order"]), part["classes"]
    codes = _likely(part) if classes else None

    def chained(rows: Matrix) -> Matrix:
        found, numbers = [], []
        for position, function in enumerate(functions):
            numbers.append(function(rows))
            found.append(codes(numbers[-1]) if codes else numbers[-1])
            column = found[-1]
            if classes:  # a row without a code has any label here, and none in the end
                column = np.nan_to_num(np.where(column < 0, -1 - column, column))
                column = classes[position][column.astype(np.intp)]
            rows = np.hstack((rows, column))
        shown = [numbers[i] for i in inverse] if classes and part["probabilities"] else []
        result = np.hstack([*(found[i] for i in inverse), *shown])
        if classes:
            result[np.isnan(np.hstack(found)).any(axis=1)] = np.nan
        return result

    return chained


def _votes(part: Part, _: Sequence[Function]) -> Function:
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


def _pair_votes(part: Part, _: Sequence[Function]) -> Function:
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


def _pair_scores(part: Part, _: Sequence[Function]) -> Function:
    """The votes of the pairs of classes, and less than half a vote more for their confidence."""
    pairs, tie = list(combinations(range(part["classes"]), 2)), part["tie"]

    def scores(decisions: Matrix) -> Matrix:
        votes, sums = np.zeros((2, len(decisions), part["classes"]))
        for (one, other), decision in zip(pairs, decisions.T, strict=True):
            sums[:, one] -= decision
            sums[:, other] += decision
            votes[:, one] += decision <= 0
            votes[:, other] += decision > 0
        decided = (np.abs(decisions) > tie * np.maximum(1.0, np.abs(decisions))).all(axis=1)
        return np.where(decided[:, None], votes + sums / (3 * (np.abs(sums) + 1)), np.nan)

    return scores


def _threshold(part: Part, _: Sequence[Function]) -> Function:
    """The code by a threshold on one class's probability, then the probabilities."""
    position, threshold, tie = part["position"], part["threshold"], part["tie"]

    def labelled(probabilities: Matrix) -> Matrix:
        score = probabilities[:, position]
        codes = np.where(score >= threshold, position, 1 - position)
        decided = np.abs(score - threshold) > tie
        return np.column_stack((np.where(decided, codes, np.nan), probabilities))

    return labelled


OPERATIONS: Mapping[str, Operation] = {
    "mean": _mean,
    "label": _label,
    "decided": _decided,
    "several": _several,
    "chained": _chained,
    "votes": _votes,
    "pair_votes": _pair_votes,
    "pair_scores": _pair_scores,
    "threshold": _threshold,
}
