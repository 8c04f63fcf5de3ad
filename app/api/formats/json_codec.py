"""JSON: strict, with exact integers."""

import json
from typing import Any

import orjson
from flask import current_app
from marshmallow import Schema, ValidationError, fields

from app.api.formats.body_size import SHORT, check_values
from app.api.formats.results import json_values, result_columns, result_rows
from app.exceptions import InvalidInput
from app.models.prediction import Prediction
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows, numeric_matrix

MALFORMED = "The body is not valid JSON"
ROUNDING_STARTS = 2.0**63


class RoundedInteger(Exception):
    """The parser may have turned an integer into the nearest float; parse the body again, exactly."""


class ExactFloat(float):
    """A float that was written as one, as the exact parser returns it."""


class RowField(fields.Field[RawRows]):
    """One row, a list in training order or an object by column name, as one-row `RawRows`.

    Plain numbers become a float64 array (1, d). Anything else is passed on as it is for the model's
    own check, which knows the columns and names what does not fit.
    """

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> RawRows:
        if not isinstance(value, list | dict):
            raise ValidationError("Must be a list of values or an object by feature name.")
        if not value:
            raise ValidationError("Must not be empty.")
        return raw_rows([value])


class RowsField(fields.Field[RawRows]):
    """From 1 to ``MAX_BATCH_SIZE`` rows; numbers become a float64 array (n, d)."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> RawRows:
        if not isinstance(value, list):
            raise ValidationError("Must be a list of rows.")
        limit = current_app.config["MAX_BATCH_SIZE"]
        if not 1 <= len(value) <= limit:
            raise ValidationError(f"Must hold 1 to {limit} rows, not {len(value)}.")
        return raw_rows(value)


def decode(raw: bytes, schema: Schema, signature: InputSignature | None) -> dict[str, Any]:
    """A body as ``schema`` loads it.

    :param signature: of the model that its rows are for, if it has any and a model is loaded.
    :raises InvalidInput: if it is malformed, or does not fit ``schema``.
    """
    if len(raw) > SHORT and signature is not None:
        one_row = any(isinstance(field, RowField) for field in schema.fields.values())
        check_values(raw, signature, rows=1 if one_row else current_app.config["MAX_BATCH_SIZE"])
    try:
        body: dict[str, Any] = schema.load(parse(raw))
    except RoundedInteger:
        body = schema.load(parse_exactly(raw))
    return body


def parse(raw: bytes) -> Any:
    """A document of JSON, quickly; integers below -2**63 and from 2**64 are read as floats.

    :raises InvalidInput: if it is malformed.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        reason = error.msg.partition(": line")[0]
        where = {"line": error.lineno, "column": error.colno, "reason": reason}
        raise InvalidInput([where], message=MALFORMED) from None


def parse_exactly(raw: bytes, *, number: type[float] = ExactFloat) -> Any:
    """What `parse` parsed, with all integers as they are.

    :param number: the type of all other numbers.
    """
    try:
        return json.loads(raw, parse_float=number)
    except RecursionError:  # it stops at about 1,000 levels, orjson at 1,024
        raise InvalidInput([{"reason": "depth limit exceeded"}], message=MALFORMED) from None


def encode_row(prediction: Prediction, envelope: dict[str, Any], outputs: tuple[str, ...]) -> bytes:
    """``result``, with its explanation if there is one, and the members of the envelope."""
    rows = result_rows(prediction, outputs) if outputs else prediction.to_dicts()
    if prediction.explanations:
        rows[0]["explanation"] = prediction.explanations[0]
    return orjson.dumps({"success": True, "result": rows[0], **envelope})


def encode_rows(
    prediction: Prediction, envelope: dict[str, Any], outputs: tuple[str, ...], rejected: dict[int, Any]
) -> bytes:
    """``results`` by ``sample_id`` and their ``count``."""
    results = result_rows(prediction, outputs)
    predicted = iter(results)
    samples = [
        {"sample_id": position, "error": "Validation failed", "details": {"errors": rejected[position]}}
        if position in rejected
        else {"sample_id": position, **next(predicted)}
        for position in range(len(results) + len(rejected))
    ]
    return orjson.dumps({"success": True, "results": samples, "count": len(samples), **envelope})


def encode_columns(
    prediction: Prediction, envelope: dict[str, Any], outputs: tuple[str, ...], rejected: dict[int, Any]
) -> bytes:
    """``columns`` by name, of the rows that were predicted, and the errors of the others."""
    columns = {name: json_values(column) for name, column in result_columns(prediction, outputs).items()}
    errors = [{"sample_id": row, "errors": rejected[row]} for row in sorted(rejected)]
    document = {"success": True, "columns": columns, "count": len(prediction.output.values)}
    return orjson.dumps(
        document | ({"rejected_samples": errors} if errors else {}) | envelope,
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def raw_rows(values: list[Any]) -> RawRows:
    """Rows as a float64 array if all of them are plain numbers, else as they are.

    :raises RoundedInteger: if the parser may have rounded an integer of theirs.
    """
    matrix = numeric_matrix(values) if set(map(type, values)) == {list} else None
    return _exact(values) if matrix is None else matrix


def _exact(values: list[Any]) -> list[Any]:
    rows = (row.values() if isinstance(row, dict) else row for row in values if isinstance(row, dict | list))
    if any(type(cell) is float and abs(cell) >= ROUNDING_STARTS for row in rows for cell in row):
        raise RoundedInteger
    return values


# Layouts of an answer of several rows.
LAYOUTS = {"rows": encode_rows, "columns": encode_columns}
