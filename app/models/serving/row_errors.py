"""From validated rows to an engine's output, or to the rows that the model rejects and why."""

import logging
from collections.abc import Callable
from traceback import walk_tb
from typing import Any

import numpy as np

from app.exceptions import InvalidInput, PredictionFailed, ServiceError
from app.models.engines.fallback import OriginalMissing
from app.models.engines.lone import OutsideCertificate
from app.models.engines.output import EngineOutput, FiniteOutput
from app.models.engines.partial import NotFinite, finite_rows, is_finite, predict_partially
from app.models.engines.sklearn_engine import NotAClass
from app.models.loading.loader import LoadedVersion
from app.models.prediction import Prediction
from app.models.schema.column_arrays import Columns
from app.models.schema.rows import Rows
from app.models.schema.validation import RawRows, validate_rows

log = logging.getLogger(__name__)

# Of computing, for the rows of a call that the model does not answer together; others wait meanwhile.
MAX_SECONDS = 1.0
UNDECIDED = "other rows of the batch were rejected, and this one was not tried any more: send it again"


class Undecided(TimeoutError):
    """The time for the rows of a call was over before this row was tried alone."""


# Errors whose messages are meant for clients.
OWN_WORDS = (NotFinite, NotAClass, OriginalMissing, OutsideCertificate, Undecided)


def run_engine(model: LoadedVersion, rows: Rows, field: str) -> EngineOutput:
    """The engine's output for validated rows; raises as `predict_one_by_one` does."""
    try:
        output = model.engine.predict(rows)
    except ServiceError:
        raise
    except Exception as error:
        return predict_one_by_one(model, rows, field=field, cause=error)
    if type(output) is not FiniteOutput and not is_finite(output):
        return predict_one_by_one(model, rows, field=field)
    return output


def predict_unseen(model: LoadedVersion, rows: RawRows) -> Prediction:
    """Predict without cache and without notifying observers; raises what `ServedModel.predict` does."""
    inspected, warnings = model.guard.inspect(validate_rows(rows, model.signature), field="features")
    return Prediction(model, run_engine(model, inspected, "features"), warnings, [])


def predict_one_by_one(
    model: LoadedVersion, rows: Rows, *, field: str, cause: Exception | None = None
) -> EngineOutput:
    """The output for rows that the model could not predict together; mostly an error that names rows.

    :param cause: what was raised for all of them, if anything was.
    :raises InvalidInput: naming each row that the model raises for, or answers with what is not finite.
    :raises PredictionFailed: if the model does not answer its golden rows either, so that no row is at fault.
    """
    try:
        found = predict_partially(model.engine.predict, rows, max_seconds=MAX_SECONDS)
    except (ServiceError, MemoryError) as error:
        raise PredictionFailed from error
    undecided = sorted({*range(len(rows))} - found.answers.keys() - found.errors.keys())
    found.errors |= dict.fromkeys(undecided, Undecided(UNDECIDED))
    if not found.errors:
        return found.output
    first = next(iter(found.errors.values()))
    if not _answers_golden_row(model):
        raise PredictionFailed from cause or first
    if not (isinstance(first, OWN_WORDS) or _meant_for_clients(first)):
        # For operators: the client gets no more than a sentence.
        log.warning("the model raised for rows", exc_info=first, extra={"model_version": model.version})
    errors = sorted(found.errors.items())
    raise InvalidInput([{"field": field, "row": row, "reason": _reason(error)} for row, error in errors])


def _answers_golden_row(model: LoadedVersion) -> bool:
    try:
        output = model.engine.predict(validate_rows(model.metadata["golden"]["rows"][:1], model.signature))
    except Exception:  # whatever it raises, it does not answer
        return False
    return bool(finite_rows(output).all())


def _reason(error: Exception) -> str:
    """A sentence for clients: scikit-learn's own checks write for them, other messages may hold secrets."""
    if isinstance(error, OWN_WORDS):
        return str(error)
    if not _meant_for_clients(error):
        return f"the model refuses this row: {type(error).__name__}"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"the model refuses this row: {lines[0][:200]}"


def _meant_for_clients(error: Exception) -> bool:
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    return isinstance(error, ValueError) and "".join(modules[-1:]).startswith("sklearn.")


def predict_possible(
    predict: Callable[..., Prediction], rows: RawRows, **options: Any
) -> tuple[Prediction, list[int], dict[int, Any]]:
    """Predict as many of ``rows`` as can be.

    :param predict: `ServedModel.predict`, which takes ``options``.
    :returns: the prediction, the positions of its rows, and the errors of the others by position.
    :raises InvalidInput: if no row can be predicted; else as ``predict`` does.
    """
    positions = list(range(len(rows)))
    rejected: dict[int, list[dict[str, Any]]] = {}
    while positions:
        try:
            return predict(rows, **options), positions, rejected
        except InvalidInput as error:
            found = _by_position(error, positions)
            kept = [index for index, position in enumerate(positions) if position not in found]
            rows = _taken(rows, kept)
            positions = [positions[index] for index in kept]
            rejected |= found
    raise InvalidInput([each for position in sorted(rejected) for each in rejected[position]])


def _taken(rows: RawRows, kept: list[int]) -> RawRows:
    if isinstance(rows, Columns):
        return rows.take(kept)
    return rows[kept] if isinstance(rows, np.ndarray) else [rows[index] for index in kept]


def _by_position(error: InvalidInput, positions: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The errors of each row, whose positions are those in the request; raises ``error`` if it names none."""
    found: dict[int, list[dict[str, Any]]] = {}
    for each in error.errors:
        if "row" not in each:
            raise error
        position = positions[each["row"]]
        found.setdefault(position, []).append({**each, "row": position})
    if not found:
        raise error
    return found
