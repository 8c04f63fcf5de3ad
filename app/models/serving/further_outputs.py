"""What else than a prediction a fitted model can give for rows: other outputs, and explanations."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from app.exceptions import InvalidInput
from app.models.engines.fallback import OriginalMissing
from app.models.engines.output import NoSuchMethod
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.repository.store import ModelStore
from app.models.schema.rows import Rows
from app.models.schema.validation import RawRows, validate_rows

PREDICT, PREDICT_PROBA, DECISION_FUNCTION, TRANSFORM = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
)
EXPLAIN = "explain"
NO_COUNT = "must be a whole number from 1 on"
OUTPUTS = (PREDICT, PREDICT_PROBA, DECISION_FUNCTION, TRANSFORM, "apply")


def own_outputs(model: LoadedVersion) -> tuple[str, ...]:
    """The outputs that each prediction of the model has anyway."""
    signature = model.output
    if signature.task == "transformation":
        return (TRANSFORM,)
    if signature.scored:
        return (PREDICT, DECISION_FUNCTION)
    return (PREDICT, PREDICT_PROBA) if signature.probabilities else (PREDICT,)


def further_outputs(model: LoadedVersion, rows: Rows, wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    """The wanted outputs that a prediction does not have anyway, from the model itself.

    :raises InvalidInput: naming an output that the model does not have.
    """
    found = {}
    for name in wanted:
        if name not in own_outputs(model):
            found[name] = _called(model, rows, name)
    return found


def _called(model: LoadedVersion, rows: Rows, name: str) -> NDArray[Any]:
    if name not in OUTPUTS:
        reason = f"must be some of {', '.join(OUTPUTS)}, not {name[:64]!r}"
        raise InvalidInput([{"field": "outputs", "reason": reason}])
    if name == PREDICT_PROBA:  # such as that of a classifier by hinge loss, or of several targets
        raise InvalidInput([{"field": "outputs", "reason": f"the model has no {name}"}])
    try:
        return model.engine.call(name, rows)
    except (NoSuchMethod, OriginalMissing) as error:
        raise InvalidInput([{"field": "outputs", "reason": str(error)}]) from None


def with_explanations(
    prediction: Prediction, rows: RawRows, columns: int, *, store: ModelStore, field: str
) -> Prediction:
    """The prediction with an explanation of each row, by the version that made it.

    :param rows: that were predicted, as the client gave them.
    :param columns: how many columns are named; the others are summed up.
    :param store: that the version lies in.
    :raises InvalidInput: if the model has no exact explanation, or ``columns`` is no whole number from 1 on.
    """
    from app.models.explaining import explainers  # nobody else needs it
    from app.models.explaining.explanation import NotExplainable

    if type(columns) is not int or columns < 1:
        raise InvalidInput([{"field": EXPLAIN, "reason": NO_COUNT}])
    model = prediction.model
    inspected, _ = model.guard.inspect(validate_rows(rows, model.signature, field=field), field=field)
    try:
        found = explainers.explain(
            model, store, inspected, prediction.output.values.tolist(), columns=columns
        )
    except NotExplainable as error:
        raise InvalidInput([{"field": EXPLAIN, "reason": str(error)}]) from None
    return replace(prediction, explanations=found)
