"""Golden rows: input stored with a version, and the predictions that it must give."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.models.engines.output import EngineOutput
from app.models.schema import tolerance
from app.models.schema.rows import Rows, take, to_lists
from app.models.schema.signature import OutputSignature

MIN_ROWS = 20
MAX_ROWS = 50
# Minimum margin between the two best classes of a row, if any row has it: an engine may leave narrower ones
# to the original, which need not be installed.
MARGIN = 1e-3


def choose(predicted: EngineOutput, output: OutputSignature) -> list[int]:
    """Indices of rows spread over the sample, and over the predicted classes if there are any."""
    clear = np.arange(len(predicted.values))
    if predicted.probabilities is not None:
        ends = np.cumsum([len(labels) for labels in output.targets], dtype=int)[:-1]
        targets = [each for each in np.split(predicted.probabilities, ends, axis=1) if each.shape[1] > 1]
        best = [np.partition(each, -2, axis=1) for each in targets]
        margins = [each[:, -1] - each[:, -2] > MARGIN for each in best]
        wide = np.flatnonzero(np.all(margins, axis=0)) if margins else clear
        clear = wide if len(wide) else clear
    spread = clear[np.linspace(0, len(clear) - 1, min(len(clear), MIN_ROWS)).astype(int)].tolist()
    labels = predicted.values[clear] if output.labelled and not output.whole else np.empty(0)
    _, firsts = np.unique(labels, axis=0, return_index=True)
    return sorted({*spread, *clear[firsts[: MAX_ROWS - MIN_ROWS]].tolist()})


def record(rows: Rows, predicted: EngineOutput, output: OutputSignature) -> dict[str, Any]:
    """The chosen rows and their predictions, as plain JSON."""
    indices = choose(predicted, output)
    # A short sample is repeated: every version has at least MIN_ROWS.
    indices *= -(-MIN_ROWS // len(indices))
    probabilities = None if predicted.probabilities is None else predicted.probabilities[indices].tolist()
    values = predicted.values[indices].tolist()
    return {"rows": to_lists(take(rows, indices)), "values": values, "probabilities": probabilities}


def answers(golden: dict[str, Any]) -> EngineOutput:
    """The recorded predictions."""
    probabilities = golden["probabilities"]
    shares = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    return EngineOutput(np.asarray(golden["values"]), shares)


def disagreement(
    golden: dict[str, Any], predicted: EngineOutput, output: OutputSignature, *, left: Sequence[int] = ()
) -> str | None:
    """The difference from the recorded predictions for the golden rows, or None.

    Labels must be equal; probabilities and values must agree within the promised tolerance.

    :param left: positions of rows that the engine leaves to the original, whose predictions are meaningless.
    """
    expected = np.asarray(golden["values"])
    if len(left) == len(expected):
        return None
    if predicted.values.shape != expected.shape:
        return f"answers have shape {predicted.values.shape}, recorded were {expected.shape}"
    answered = np.delete(np.arange(len(expected)), list(left))
    if golden["probabilities"] is not None:
        recorded = np.asarray(golden["probabilities"])
        if predicted.probabilities is None or predicted.probabilities.shape != recorded.shape:
            return "probabilities are missing"
        scale = tolerance.scale_beside(recorded, output)
        close = np.abs(predicted.probabilities - recorded) <= tolerance.PROMISED * scale
        if not close[answered].all():
            return "probabilities differ from those recorded"
    if output.labelled:
        wrong = predicted.values != expected
    else:
        scale = tolerance.scale(expected, output)
        wrong = ~(np.abs(predicted.values - expected) <= tolerance.PROMISED * scale)
    wrong = wrong[answered]
    return f"{wrong.sum()} of {len(wrong)} answers differ from those recorded" if wrong.any() else None
