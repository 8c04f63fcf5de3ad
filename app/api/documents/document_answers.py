"""Answers as JSON documents of a dialect: outputs as arrays, errors as a sentence."""

from typing import Any

import numpy as np
import orjson
from flask import Response

from app.api.formats import JSON
from app.api.formats.results import output_array
from app.exceptions import InvalidInput
from app.flask_fast.messages import BytesResponse
from app.models.prediction import Prediction
from app.models.serving.further_outputs import OUTPUTS

MOST_TOLD = 3  # errors in one sentence


def check_output(name: Any, field: str) -> str:
    """:raises InvalidInput: if no output of a model has that name."""
    if name not in OUTPUTS:
        raise InvalidInput([{"field": field, "reason": f"must be one of {', '.join(OUTPUTS)}"}])
    return str(name)


def output_values(prediction: Prediction, name: str) -> Any:
    """One output, a value or a list per row, as orjson writes it."""
    array = output_array(prediction, name)
    return array.tolist() if array.dtype == object else np.ascontiguousarray(array)


def answer(document: Any, prediction: Prediction) -> Response:
    """The document, with the version that made it in a header."""
    body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    response = BytesResponse(body, content_type=JSON)
    response.headers["X-Model-Version"] = prediction.model.version
    return response


def error_text(document: dict[str, Any]) -> str:
    """An error of the API's own shape as one sentence: the first few places, and how many more there are."""
    errors = document["details"].get("errors", ())
    told = "; ".join(map(_told, errors[:MOST_TOLD]))
    more = f"; and {len(errors) - MOST_TOLD} more" if len(errors) > MOST_TOLD else ""
    return f"{document['error']}: {told}{more}" if told else str(document["error"])


def _told(error: dict[str, Any]) -> str:
    places = [str(error["field"])] if "field" in error else []
    places += [f"{key} {error[key]}" for key in ("line", "row") if key in error]
    if (column := error.get("name", error.get("position", error.get("column")))) is not None:
        places.append(f"column {column}")
    return f"{', '.join(places)}: {error['reason']}" if places else str(error["reason"])
