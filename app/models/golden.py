"""Golden rows: inputs kept with a version together with the answers they must give."""

from typing import Any

import numpy as np

from app.models.predictions import Outcome
from app.models.rows import Rows, take, to_lists
from app.models.signature import OutputSignature

MIN_ROWS = 20
MAX_ROWS = 50
TOLERANCE = 1e-5


def choose(outcome: Outcome, output: OutputSignature) -> list[int]:
    """Indices of rows to keep, spread over the sample, and over the predicted classes if there are any."""
    n_rows = len(outcome.values)
    spread = np.linspace(0, n_rows - 1, min(n_rows, MIN_ROWS)).astype(int).tolist()
    firsts = np.unique(outcome.values, return_index=True)[1].tolist() if output.classes else []
    return sorted({*spread, *firsts[: MAX_ROWS - MIN_ROWS]})


def record(rows: Rows, outcome: Outcome, output: OutputSignature) -> dict[str, Any]:
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


def disagreement(golden: dict[str, Any], outcome: Outcome) -> str | None:
    """What is wrong with the answers to the golden rows, or None.

    Labels must be those recorded, wherever the recorded probabilities tell the two best classes
    apart; probabilities must agree within 1e-5, values within 1e-5 of their size.
    """
    expected = np.asarray(golden["values"])
    if outcome.values.shape != expected.shape:
        return f"answers have shape {outcome.values.shape}, recorded were {expected.shape}"
    if golden["probabilities"] is not None:
        recorded = np.asarray(golden["probabilities"])
        if outcome.probabilities is None or outcome.probabilities.shape != recorded.shape:
            return "probabilities are missing"
        if not (np.abs(outcome.probabilities - recorded) <= TOLERANCE).all():
            return "probabilities differ from those recorded"
        best = np.sort(recorded, axis=1)
        decided = best[:, -1] - best[:, -2] > 1e-6 if recorded.shape[1] > 1 else np.ones(len(best), bool)
        wrong = (outcome.values != expected) & decided
    else:
        wrong = np.abs(outcome.values - expected) > TOLERANCE * np.maximum(1, np.abs(expected))
    return (
        f"{int(wrong.sum())} of {len(expected)} answers differ from those recorded" if wrong.any() else None
    )
