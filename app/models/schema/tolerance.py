"""How far served numbers may be from the model's, and how far a compiled form may be to be certified."""

import numpy as np

from app.models.schema.rows import Matrix
from app.models.schema.signature import OutputSignature

# The promise: probabilities within this, values within this times the spread of the model's answers.
PROMISED = 1e-5
# A certificate tries some rows, callers send others: a tenth of the promise is asked for.
CERTIFIED = PROMISED / 10


def scale(values: Matrix, output: OutputSignature) -> Matrix:
    """What a difference from each value is measured against, in the shape of ``values``.

    It is the spread of the model's answers to the sample, or the value's distance from their center where
    that is larger. Constant answers are judged by their size.
    """
    if not output.spread:  # a version saved before the spread was recorded
        return np.maximum(1.0, np.abs(values))
    center, spread = np.array(output.center), np.array(output.spread)
    floor = np.where(spread > 0, spread, np.maximum(np.abs(center), np.finfo(float).tiny))
    found: Matrix = np.maximum(floor, np.abs(values - center))
    return found
