"""A part of a composed model while it is compiled, and what its members are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from app.models.engines.kernel import TIE, Reading
from app.models.engines.preprocessing.preprocessor import Preprocessor, Step

TIE_WITHIN = TIE["float64"]
PROBABILITIES, SCORES, PREDICTION = "predict_proba", "decision_function", "predict"
Data = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A part of the document, how to read its result, and whether all trees within it are proven.

    ``targets``: how many labels a row has. ``scores``: the part whose scores the probabilities follow from.
    """

    data: Data
    reading: Reading
    proven: bool
    targets: int = 1
    scores: "Part | None" = None

    def then(self, reading: Reading, **data: Any) -> "Part":
        """The part, and one more operation on its result."""
        return Part({"op": "chain", "parts": [self.data, data]}, reading, self.proven)


class Member(Protocol):
    """From a member, its number of columns and a method to its result by that method.

    ``classes``: how many the member must know, if it is a classifier.
    """

    def __call__(self, estimator: Any, width: int, method: str, classes: int = 0, /) -> Part: ...


def step_part(step: Step) -> Part:
    """A step of preprocessing as a part."""
    return Part({"op": "prepared", "preprocessor": Preprocessor(steps=(step,)).to_dict()}, "values", True)


def labels_of(parts: Sequence[Part], *, probabilities: bool) -> Part:
    """The labels of parts with the numbers of one target each, and the probabilities if they are any."""
    found = joined("several", parts, "labelled", tie=TIE_WITHIN, probabilities=probabilities)
    return replace(found, targets=len(parts))


def joined(op: str, parts: Sequence[Part], reading: Reading, **data: Any) -> Part:
    """An operation on the results of several parts."""
    document = {"op": op, "parts": [part.data for part in parts], **data}
    return Part(document, reading, all(part.proven for part in parts))
