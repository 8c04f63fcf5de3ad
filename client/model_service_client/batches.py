"""Rows there, a list of predictions back."""

from collections.abc import Callable, Sequence
from typing import Any

from model_service_client.answers import Prediction, document_of, member, prediction_of
from model_service_client.connection import Answer
from model_service_client.errors import Fault, InvalidInput, invalid
from model_service_client.rows import JSON, ArrayRows, ListRows, Rows, answers

# Query, media types of body and answer, body.
Send = Callable[[str, str, str, bytes], Answer]


def predict_rows(rows: Any, send: Send, *, by_row: bool) -> list[Prediction | InvalidInput]:
    """The predictions for lists, mappings or an array of rows, in order.

    :param by_row: have an error in the place of a row that is rejected.
    """
    query = "?errors=rows" if by_row else ""

    def ask(media_type: str, body: bytes) -> tuple[list[Prediction], dict[int, list[Fault]]]:
        return _results(document_of(send(query, media_type, JSON, body)))

    found: dict[int, Prediction | InvalidInput] = {}
    for part in answers(_rows(rows), ask, by_row=by_row):
        found |= zip(part.positions, part.content or (), strict=True)
        found |= {row: invalid(faults) for row, faults in part.faults.items()}
    return [found[position] for position in range(len(found))]


def _rows(rows: Any) -> Rows:
    if hasattr(rows, "dtype") and hasattr(rows, "ndim"):
        if rows.ndim != 2:
            raise ValueError(f"an array of rows has two dimensions, not {rows.ndim}")
        return ArrayRows(rows)
    return ListRows(rows if isinstance(rows, Sequence) else list(rows))


def _results(document: dict[str, Any]) -> tuple[list[Prediction], dict[int, list[Fault]]]:
    """The predictions of a batch, and the errors of the other rows by position."""
    envelope = {key: document.get(key) for key in ("model_version", "request_id")}
    warnings: dict[int, list[dict[str, Any]]] = {}
    for warning in document.get("warnings", ()):
        warnings.setdefault(warning["row"], []).append(warning)
    found, rejected = [], {}
    for row, result in enumerate(member(document, "results")):
        if "error" in result:
            rejected[row] = result["details"]["errors"]
        else:
            found.append(prediction_of(result, envelope | {"warnings": warnings.get(row)}))
    return found, rejected


def asked_by_row(errors: str) -> bool:
    """Whether the errors of rows are to be answered beside the other rows.

    :raises ValueError: for any but ``raise`` and ``rows``.
    """
    if errors not in ("raise", "rows"):
        raise ValueError(f"errors must be raise or rows, not {errors!r}")
    return errors == "rows"
