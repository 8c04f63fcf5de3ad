"""Inference requests of the Open Inference Protocol: JSON, and raw tensors after it."""

from typing import Any, TypedDict

from flask import request

from app.api.dialects.json_documents import as_object, decoded, member
from app.api.dialects.open_inference.v2_tensors import read_tensors, rows_of
from app.api.formats import in_turn, read_content
from app.exceptions import InvalidInput
from app.middleware.logging.request_log import note_caller
from app.models.schema.cells import describe
from app.models.schema.signature import InputSignature
from app.models.schema.validation import RawRows

HEADER_LENGTH = "Inference-Header-Content-Length"
LONGEST_LOGGED = 128


class InferRequest(TypedDict):
    """``outputs``: their names, and whether each goes out as raw bytes; ``raw``: whether one that is not
    named does."""

    rows: RawRows
    id: str | None
    outputs: dict[str, bool]
    raw: bool


def load_request(signature: InputSignature) -> InferRequest:
    """Read and decode the running request.

    :raises InvalidInput: naming what is wrong in it.
    """
    raw = read_content()
    found: InferRequest = in_turn(raw, lambda: _decode(raw, signature))
    if (given := found["id"]) and len(given) <= LONGEST_LOGGED and given.isprintable():
        note_caller({"request_id": given})
    return found


def _decode(raw: bytes, signature: InputSignature) -> InferRequest:
    length = _json_length(raw)

    def build(body: Any) -> InferRequest:
        document = as_object(body)
        given_id = member(document, "id", str, "a string")
        parameters = member(document, "parameters", dict, "an object") or {}
        binary = member(parameters, "binary_data_output", bool, "true or false", field="parameters.") or False
        outputs = _outputs(document, binary=binary)
        rows = rows_of(read_tensors(document.get("inputs"), memoryview(raw)[length:]), signature)
        return {"rows": rows, "id": given_id, "outputs": outputs, "raw": binary}

    # Triton's client writes missing numbers as NaN:
    # https://github.com/triton-inference-server/client/blob/main/src/python/library/tritonclient/http/_utils.py
    return decoded(raw[:length], build, signature, tokens=True)


def _json_length(raw: bytes) -> int:
    """Bytes of the JSON: all of the body, unless the header says less."""
    given = request.environ.get("HTTP_INFERENCE_HEADER_CONTENT_LENGTH")
    if given is None:
        return len(raw)
    if (
        not (given.isascii() and given.isdecimal())
        or len(given) > len(str(len(raw)))
        or int(given) > len(raw)
    ):
        reason = f"must be a number of bytes, at most the {len(raw)} of the body"
        raise InvalidInput([{"field": HEADER_LENGTH, "reason": reason}])
    return int(given)


def _outputs(document: dict[str, Any], *, binary: bool) -> dict[str, bool]:
    outputs = {}
    for position, output in enumerate(member(document, "outputs", list, "a list") or []):
        field = f"outputs[{position}]"
        if not isinstance(output, dict):
            raise InvalidInput([{"field": field, "reason": f"must be an object, not {describe(output)}"}])
        if (name := member(output, "name", str, "a string", field=f"{field}.")) is None:
            raise InvalidInput([{"field": f"{field}.name", "reason": "is missing"}])
        parameters = member(output, "parameters", dict, "an object", field=f"{field}.") or {}
        place = f"{field}.parameters."
        own = member(parameters, "binary_data", bool, "true or false", field=place)
        outputs[name] = binary if own is None else own
    return outputs
