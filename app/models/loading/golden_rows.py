"""Golden rows: inputs kept with a version together with the answers they must give."""

from typing import Any

import numpy as np

from app.models.engines.output import EngineOutput
from app.models.schema import tolerance
from app.models.schema.rows import Rows, take, to_lists
from app.models.schema.signature import OutputSignature

MIN_ROWS = 20
MAX_ROWS = 50
# Rows with a narrower margin between their two best classes are kept only if there are no others: an engine
# may leave them to the original, which need not be at hand.
MARGIN = 1e-3


def choose(outcome: EngineOutput, output: OutputSignature) -> list[int]:
    """Indices of rows to keep, spread over the sample, and over the predicted classes if there are any."""
    clear = np.arange(len(outcome.values))
    if outcome.probabilities is not None and outcome.probabilities.shape[1] > 1:
        best = np.partition(outcome.probabilities, -2, axis=1)
        wide = np.flatnonzero(best[:, -1] - best[:, -2] > MARGIN)
        clear = wide if len(wide) else clear
    spread = clear[np.linspace(0, len(clear) - 1, min(len(clear), MIN_ROWS)).astype(int)].tolist()
    firsts = clear[np.unique(outcome.values[clear], return_index=True)[1]].tolist() if output.classes else []
    return sorted({*spread, *firsts[: MAX_ROWS - MIN_ROWS]})


def record(rows: Rows, outcome: EngineOutput, output: OutputSignature) -> dict[str, Any]:
    """The chosen rows and their answers, as plain JSON."""
    indices = choose(outcome, output)
    # A sample shorter than that is repeated: every version has at least MIN_ROWS.
    indices *= -(-MIN_ROWS // len(indices))
    probabilities = None if outcome.probabilities is None else outcome.probabilities[indices].tolist()
    return {
        "rows": to_lists(take(rows, indices)),
        "values": outcome.values[indices].tolist(),
        "probabilities": probabilities,
    }


def disagreement(golden: dict[str, Any], outcome: EngineOutput, output: OutputSignature) -> str | None:
    """What is wrong with the answers to the golden rows, or None.

    Labels must be those recorded; probabilities and values must agree within what is promised of them.
    """
    expected = np.asarray(golden["values"])
    if outcome.values.shape != expected.shape:
        return f"answers have shape {outcome.values.shape}, recorded were {expected.shape}"
    if golden["probabilities"] is not None:
        recorded = np.asarray(golden["probabilities"])
        if outcome.probabilities is None or outcome.probabilities.shape != recorded.shape:
            return "probabilities are missing"
        if not (np.abs(outcome.probabilities - recorded) <= tolerance.PROMISED).all():
            return "probabilities differ from those recorded"
    if output.classes or output.whole:
        wrong = outcome.values != expected
    else:
        scale = tolerance.scale(expected, output)
        wrong = ~(np.abs(outcome.values - expected) <= tolerance.PROMISED * scale)
    return (
        f"{int(wrong.sum())} of {len(expected)} answers differ from those recorded" if wrong.any() else None
    )
