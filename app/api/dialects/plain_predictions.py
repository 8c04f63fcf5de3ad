"""Predictions with nothing beside them but their version: as a document of JSON, or a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.api.formats import JSON, SYNONYMS, resolved
from app.api.formats.accepted import NDJSON, TABLES
from app.api.formats.results import json_values, output_array, result_columns
from app.api.predictions import predict_rows, versioned
from app.flask_fast.messages import BytesResponse
from app.models.prediction import Prediction
from app.models.schema.validation import RawRows
from app.models.serving.further_outputs import own_outputs
from app.models.serving.served_model import ServedModel

CSV = "text/csv"


@dataclass(frozen=True, slots=True)
class Invocation:
    """``field``: the dialect's name for the rows. ``outputs``: what is asked for, or none for the prediction.
    ``member``: of the answer in JSON that holds the predictions; None if they are all of it."""

    rows: RawRows
    field: str
    outputs: tuple[str, ...] = ()
    member: str | None = "predictions"


def answer(served_model: ServedModel, invocation: Invocation, named: str, *, header: bool) -> BytesResponse:
    """Predict the rows of an invocation.

    :param named: media type of the answer, which may be one of `SYNONYMS`.
    :param header: of an answer in CSV.
    """
    wanted, media_type = invocation.outputs, SYNONYMS.get(named, named)
    prediction = predict_rows(served_model, invocation.rows, field=invocation.field, outputs=wanted)
    names = wanted or own_outputs(prediction.model)[:1]
    if media_type in (JSON, NDJSON):
        content = _json(prediction, names, media_type, invocation.member)
    elif media_type == CSV:
        content = resolved(TABLES[CSV])(prediction, names, header=header)
    else:
        content = resolved(TABLES[media_type])(prediction, names)
    return versioned(content, named, prediction)


def answer_document(document: Any, prediction: Prediction) -> BytesResponse:
    """A document that holds outputs as arrays, with the version that made them in a header."""
    return versioned(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), JSON, prediction)


def output_values(prediction: Prediction, name: str) -> Any:
    """One output, a value or a list per row, as orjson writes it."""
    return json_values(output_array(prediction, name))


def _json(prediction: Prediction, names: Sequence[str], media_type: str, member: str | None) -> bytes:
    """A value for each row, or an object by column if several outputs are asked for."""
    found: Any
    if len(names) == 1:
        found = output_values(prediction, names[0])
    else:
        columns = result_columns(prediction, names)
        cells = zip(*(column.tolist() for column in columns.values()), strict=True)
        found = [dict(zip(columns, row, strict=True)) for row in cells]
    if media_type == NDJSON:
        rows = found if isinstance(found, list) else found.tolist()
        return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    return orjson.dumps(found if member is None else {member: found}, option=orjson.OPT_SERIALIZE_NUMPY)
