"""The unit of a model's margins, found by comparing them with its answers: this proves the margins too."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from app.models.engines.output import EngineOutput
from app.models.explaining.explanation import NotExplainable, Scale
from app.models.schema.rows import Matrix
from app.models.schema.signature import OutputSignature

# Relative to the largest answer; boosted trees of other libraries add in single precision.
CLOSE = 1e-5


def scale_of(margins: Matrix, answers: EngineOutput, output: OutputSignature) -> Scale:
    """The unit of margins (n, outputs), given the model's answers to the same rows.

    :raises NotExplainable: if the answers do not follow from the margins.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if output.task == "classification":
            found = next(_of_classes(margins, answers, output), None)
        else:
            numbers: Any = answers.probabilities if output.scored else answers.values
            found = next(_of_numbers(margins[:, 0], np.ravel(numbers), scored=output.scored), None)
    if found is None:
        raise NotExplainable("the model's answers do not follow from the sums of its contributions")
    return found


def _of_classes(margins: Matrix, answers: EngineOutput, output: OutputSignature) -> Iterator[Scale]:
    shares, single = answers.probabilities, margins.shape[1] == 1
    if margins.shape[1] != (1 if single and len(output.classes) == 2 else len(output.classes)):
        return
    if shares is not None and single and _close(_logistic(margins[:, 0]), shares[:, -1]):
        yield "log_odds"
    elif shares is not None and not single:
        if _close(margins, shares):
            yield "probability"
        odds = _logistic(margins)
        if _close(_softmax(margins), shares) or _close(odds / odds.sum(axis=1, keepdims=True), shares):
            yield "log_odds"
    both = np.column_stack((-margins, margins)) if single else margins
    best = np.sort(both, axis=1)
    clear = best[:, -1] - best[:, -2] > CLOSE * np.abs(best).max()
    if clear.any() and (both.argmax(axis=1) == answers.values)[clear].all():
        yield "decision"


def _of_numbers(margins: Matrix, numbers: Matrix, *, scored: bool) -> Iterator[Scale]:
    if _close(margins, numbers):
        yield "score" if scored else "value"
    if _close(np.exp(margins), numbers) or _close(np.sign(margins) * margins**2, numbers):
        yield "score"
    if _close(_logistic(margins), numbers):
        yield "log_odds"


def _close(found: Matrix, wanted: Matrix) -> bool:
    return bool((np.abs(found - wanted) <= CLOSE * max(np.abs(wanted).max(), 1e-300)).all())


def _logistic(margins: Matrix) -> Matrix:
    shares: Matrix = 1.0 / (1.0 + np.exp(-margins))
    return shares


def _softmax(margins: Matrix) -> Matrix:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return shares
