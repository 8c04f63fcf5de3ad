"""Answers of any protocol: the answer to each row, or the reason of a refusal."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.cli.replay.reading.exchange import FIRST_ERROR

MESSAGES = ("error", "message", "detail")


class Answer(NamedTuple):
    """An HTTP answer; ``document`` is the JSON value of its body, or its text."""

    status: int
    document: Any

    @property
    def refused(self) -> bool:
        """Whether the request was rejected or failed."""
        return self.status >= FIRST_ERROR


def rows_of(document: Any) -> list[Any] | None:
    """One answer per row, or None if the document holds none: ``predictions`` (MLflow, V1, Vertex AI),
    ``outputs`` (V2, TF Serving by columns), ``result`` and ``results`` (native, V1, Azure), ``Results``
    (Azure), or a bare list."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        return None
    for name in ("predictions", "results", "result", "Results", "outputs"):
        if name in document:
            value = document[name]
            if name == "outputs" and _are_tensors(value):
                return _rows_of_tensors(value)
            return value if isinstance(value, list) else [value]
    return None


def reason_of(answer: Answer) -> str:
    """Why a request was refused, without the row: many rows share a reason."""
    document = answer.document
    if not isinstance(document, dict):
        return f"status {answer.status}"
    message = next((document[name] for name in MESSAGES if isinstance(document.get(name), str)), None)
    details = document.get("details")
    errors = details.get("errors") if isinstance(details, dict) else None
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return message or f"status {answer.status}"
    name = errors[0].get("name") or errors[0].get("field")
    return f"{message}: {name or 'the body'} {errors[0].get('reason')}"


def reason_of_row(row: Any) -> str | None:
    """Why one row of a batch was refused beside others that were answered, or None if it was not."""
    if isinstance(row, dict) and "error" in row and not row.keys() & {"prediction", "outputs"}:
        return reason_of(Answer(FIRST_ERROR, row))
    return None


def _are_tensors(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(each, dict) and {"name", "data"} <= each.keys() for each in value)
    )


def _rows_of_tensors(tensors: list[dict[str, Any]]) -> list[Any] | None:
    """The rows of one output; of several, an object by output for each row. The name of a single one is the
    server's own: ``predict`` of MLServer, ``output-0`` of KServe."""
    columns = {str(tensor["name"]): _rows_of_tensor(tensor) for tensor in tensors}
    if len({len(rows) for rows in columns.values()}) != 1:
        return None
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _rows_of_tensor(tensor: Mapping[str, Any]) -> list[Any]:
    values, shape = _flat(tensor["data"]), tensor.get("shape")
    length = shape[0] if isinstance(shape, list) and shape and isinstance(shape[0], int) else len(values)
    if length < 1 or len(values) % length:
        return values
    width = len(values) // length
    return [values[start : start + width] for start in range(0, len(values), width)] if width else values


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [value for each in data for value in (_flat(each) if isinstance(each, list) else (each,))]
