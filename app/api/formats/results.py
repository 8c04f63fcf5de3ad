"""A prediction as arrays by output, as columns by name, and as rows for JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.prediction import Prediction
from app.models.schema.cells import kind_of
from app.models.serving.further_outputs import (
    DECISION_FUNCTION,
    PREDICT,
    PREDICT_PROBA,
    TRANSFORM,
    own_outputs,
)


def output_array(prediction: Prediction, name: str) -> NDArray[Any]:
    """One output: labels or numbers (n,) or (n, targets); others (n, columns), or (n,) of one column.

    Labels of one kind have its dtype; texts and mixed ones are objects.
    """
    values, probabilities = prediction.output
    signature = prediction.model.output
    if name in prediction.further:
        return np.asarray(prediction.further[name])
    if name in (PREDICT_PROBA, DECISION_FUNCTION) and probabilities is not None:
        return probabilities[:, 0] if signature.scored else probabilities
    if signature.classes:
        return np.asarray(label_array(signature.classes)[values])
    if signature.targets:
        columns = zip(signature.targets, values.T, strict=True)
        return np.column_stack([label_array(labels)[codes] for labels, codes in columns])
    return np.asarray(values)


def label_array(labels: Sequence[Any]) -> NDArray[Any]:
    """Labels as an array in which none of them changes."""
    if kind_of(labels) in (int, float, bool):
        return np.array(labels)
    found = np.empty(len(labels), dtype=object)
    found[:] = labels
    return found


def json_values(array: NDArray[Any]) -> Any:
    """An array as orjson writes it: the quick way if it is of numbers or truth values."""
    return np.ascontiguousarray(array) if array.dtype.kind in "fiub" else array.tolist()


def result_columns(prediction: Prediction, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The outputs as named columns: ``prediction``, ``probability_yes``, ``decision_function_0``."""
    columns: dict[str, NDArray[Any]] = {}
    for output in outputs or own_outputs(prediction.model):
        array = output_array(prediction, output)
        name = NAMES.get(output, output)
        if array.ndim == 1:
            columns[name] = array
            continue
        flat = array.reshape(len(array), -1)
        suffixes = _labels(prediction) if output == PREDICT_PROBA else range(flat.shape[1])
        columns |= {f"{name}_{suffix}": column for suffix, column in zip(suffixes, flat.T, strict=True)}
    return columns


def _labels(prediction: Prediction) -> list[str]:
    signature = prediction.model.output
    if signature.targets:
        return [f"{i}_{label}" for i, labels in enumerate(signature.targets) for label in labels]
    return [str(label) for label in signature.classes]


def result_rows(prediction: Prediction, outputs: Sequence[str]) -> list[dict[str, Any]]:
    """One JSON-ready result per row; with ``outputs`` only these."""
    rows = prediction.to_dicts()
    if not outputs:
        return rows
    kept = {member for output in outputs for member in MEMBERS.get(output, ())}
    rows = [{member: value for member, value in row.items() if member in kept} for row in rows]
    for name, array in prediction.further.items():
        for row, value in zip(rows, array.tolist(), strict=True):
            row[name] = value
    return rows


# Names of columns, and members of a row in JSON, that stand for an output.
NAMES = {PREDICT: "prediction", PREDICT_PROBA: "probability", DECISION_FUNCTION: DECISION_FUNCTION}
MEMBERS = {
    PREDICT: ("prediction",),
    PREDICT_PROBA: ("confidence", "probabilities"),
    DECISION_FUNCTION: ("score",),
    TRANSFORM: ("outputs",),
}
