"""Engine outputs of single rows: split, joined, and packed as bytes that hold nothing but data."""

import math
from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from app.models.engines.output import EngineOutput
from app.models.loading.loader import LoadedVersion
from app.models.schema.signature import OutputSignature

ROUNDING = 1e-5  # float32 engines miss 0 and 1 by less


def split(output: EngineOutput) -> list[EngineOutput]:
    """The output for each row; read-only copies, since the cache hands them out again."""
    values, probabilities = output
    parts = _rows(values)
    if probabilities is None:
        return [EngineOutput(part, None) for part in parts]
    return [EngineOutput(part, row) for part, row in zip(parts, _rows(probabilities), strict=True)]


def join(outputs: Sequence[EngineOutput]) -> EngineOutput:
    """One output of all the rows, in order."""
    if len(outputs) == 1:
        return outputs[0]
    values = np.concatenate([output.values for output in outputs])
    if outputs[0].probabilities is None:
        return EngineOutput(values, None)
    return EngineOutput(values, np.concatenate([output.probabilities for output in outputs]))


def pack(output: EngineOutput) -> bytes:
    """The output of one row as msgpack: [value, probabilities]; floats keep every bit."""
    probabilities = None if output.probabilities is None else output.probabilities[0].tolist()
    return bytes(msgpack.packb([output.values[0].tolist(), probabilities]))


def unpack(content: Any, model: LoadedVersion) -> EngineOutput | None:
    """The output that `pack` packed, or None if ``content`` is no output of ``model``.

    The model's golden answers show the form of an output.
    """
    golden = model.metadata["golden"]
    try:
        value, probabilities = msgpack.unpackb(content)
    except (ValueError, TypeError):
        return None
    classes = len(golden["probabilities"][0]) if golden["probabilities"] is not None else None
    if not (
        _like(value, golden["values"][0], model.output) and _beside(probabilities, classes, model.output)
    ):
        return None
    values = np.array([value], dtype=np.intp if model.output.labelled else np.float64)
    return split(EngineOutput(values, None if probabilities is None else np.array([probabilities])))[0]


def _like(value: Any, known: Any, output: OutputSignature) -> bool:
    if output.targets:
        return (
            isinstance(value, list)
            and len(value) == len(output.targets)
            and all(map(_code, value, output.targets))
        )
    if output.labelled:
        return type(value) is int if output.whole else _code(value, output.classes)
    if isinstance(known, list):
        return isinstance(value, list) and len(value) == len(known) and all(map(_finite, value))
    return _finite(value)


def _code(value: Any, classes: Sequence[Any]) -> bool:
    return type(value) is int and 0 <= value < len(classes)


def _beside(values: Any, number: int | None, output: OutputSignature) -> bool:
    """True for probabilities, or an outlier's score, as they stand beside a label of the model."""
    if number is None:
        return values is None
    if not (isinstance(values, list) and len(values) == number and all(map(_finite, values))):
        return False
    return output.scored or all(-ROUNDING <= value <= 1 + ROUNDING for value in values)


def _finite(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _rows(array: NDArray[Any]) -> list[NDArray[Any]]:
    rows = [array[row : row + 1].copy() for row in range(len(array))]
    for row in rows:
        row.flags.writeable = False
    return rows
