"""NDJSON: one row of JSON in each line."""

import json
from typing import Any

import orjson

from app.api.formats.decoding import Decoding, check_rows
from app.api.formats.json_codec import ExactFloat, RoundedInteger, raw_rows
from app.api.formats.results import result_rows
from app.exceptions import MAX_ERRORS, InvalidInput
from app.models.prediction import Prediction
from app.models.schema.validation import RawRows

MALFORMED = "The body is not valid NDJSON"


def decode(raw: bytes, decoding: Decoding) -> RawRows:
    """Lists in training order, or objects by column name; empty lines are left out."""
    lines = [line for line in raw.split(b"\n") if line.strip()]
    check_rows(len(lines))
    rows = _kept(list(map(_line, range(len(lines)), lines)), decoding)
    try:
        return raw_rows(rows)
    except RoundedInteger:
        return raw_rows(_kept([json.loads(line, parse_float=ExactFloat) for line in lines], decoding))


def _line(row: int, line: bytes) -> Any:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        where = {"row": row, "column": error.colno, "reason": error.msg.partition(": line")[0]}
        raise InvalidInput([where], message=MALFORMED) from None
    if not isinstance(found, list | dict):
        raise InvalidInput([{"row": row, "reason": "Must be a list of values or an object by feature name."}])
    return found


def _kept(rows: list[Any], decoding: Decoding) -> list[Any]:
    if (known := decoding.known) is None:
        return rows
    return [
        {name: value for name, value in row.items() if name in known} if isinstance(row, dict) else row
        for row in rows
    ]


def encode(prediction: Prediction, outputs: tuple[str, ...], rejected: dict[int, Any]) -> bytes:
    """One result in each line, or the errors of a row that was rejected."""
    results = iter(result_rows(prediction, outputs))
    count = len(prediction.output.values) + len(rejected)
    lines = [
        orjson.dumps(
            {"error": "Validation failed", "errors": rejected[row][:MAX_ERRORS]}
            if row in rejected
            else next(results)
        )
        for row in range(count)
    ]
    return b"\n".join(lines) + b"\n"
