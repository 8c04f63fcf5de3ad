"""Ensembles with a member for each class, pair of classes or target, as parts of a `ComposedKernel`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.models.compilation import NotCompilable
from app.models.compilation.composition.part import (
    PREDICTION,
    PROBABILITIES,
    SCORES,
    TIE_WITHIN,
    Member,
    Part,
    joined,
    labels_of,
)
from app.models.compilation.labels import LARGEST_PROBABILITY, follow_from_numbers
from app.models.compilation.pipeline_preprocessing import split


def several_labels(members: Sequence[Any], width: int, member: Member) -> Part:
    """The labels, and the probabilities if all members have any, of one classifier for each target.

    :raises NotCompilable: where a member's labels do not follow from its numbers.
    """
    probabilities = all(hasattr(each, PROBABILITIES) for each in members)
    for each in members:
        if not follow_from_numbers(split(each)[1], probabilities=probabilities):
            raise NotCompilable(f"the labels of {type(each).__name__} do not follow from its numbers")
    method = PROBABILITIES if probabilities else SCORES
    parts = [member(each, width, method) for each in members]
    return labels_of(parts, probabilities=probabilities)


def multi_output(model: Any, width: int, member: Member) -> Part:
    """One classifier for each target."""
    return several_labels(model.estimators_, width, member)


def several_numbers(model: Any, width: int, member: Member) -> Part:
    return joined("beside", [member(each, width, PREDICTION) for each in model.estimators_], "values")


def one_versus_rest(model: Any, width: int, member: Member) -> Part:
    if model.multilabel_:
        return several_labels(model.estimators_, width, member)
    if not all(hasattr(each, PROBABILITIES) for each in model.estimators_):
        return joined("beside", _positive(model.estimators_, width, member), "scores")
    if any(type(split(each)[1]) not in LARGEST_PROBABILITY for each in model.estimators_):
        raise NotCompilable("a member's scores do not follow from its probabilities")
    parts = [member(each, width, PROBABILITIES, 2) for each in model.estimators_]
    positive = [part.then("values", op="columns", columns=[1]) for part in parts]
    return joined("beside", positive, "values").then("probabilities", op="shares")


def _positive(members: Sequence[Any], width: int, member: Member) -> list[Part]:
    """Each member's score of its second class, or that class's probability where it has no scores."""
    parts = []
    for each in members:
        if not hasattr(each, "classes_"):  # of a class that all rows have, or none
            score = float(np.ravel(each.decision_function(np.zeros((1, width))))[0])
            parts.append(Part({"op": "constant", "numbers": [score]}, "values", True))
            continue
        part = member(each, width, SCORES if hasattr(each, SCORES) else PROBABILITIES, 2)
        parts.append(part.then("values", op="columns", columns=[-1]))
    return parts


def one_versus_one(model: Any, width: int, member: Member) -> Part:
    if model.pairwise_indices_ is not None or not all(hasattr(each, SCORES) for each in model.estimators_):
        raise NotCompilable("pairs of classes without scores, or on kernels between rows")
    scores = joined("beside", _positive(model.estimators_, width, member), "values")
    return scores.then("scores", op="pair_scores", classes=len(model.classes_), tie=TIE_WITHIN)


def output_codes(model: Any, width: int, member: Member) -> Part:
    found = joined("beside", _positive(model.estimators_, width, member), "values")
    codes = list(range(len(model.classes_)))
    return found.then("labelled", op="nearest", points=model.code_book_, codes=codes, times=1e3)
