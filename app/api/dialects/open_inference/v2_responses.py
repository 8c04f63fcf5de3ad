"""Answers of the Open Inference Protocol: outputs as tensors, in JSON or as raw bytes after it."""

from typing import Any

import numpy as np
import orjson
from flask import Response
from numpy.typing import NDArray

from app.api.dialects.open_inference.v2_elements import BYTES, LENGTH_BYTES
from app.api.dialects.open_inference.v2_requests import HEADER_LENGTH, InferRequest
from app.api.formats import JSON
from app.api.formats.results import output_array
from app.flask_fast.messages import BytesResponse
from app.models.prediction import Prediction
from app.models.serving.further_outputs import own_outputs

# Datatype and dtype of an output, by the kind of its array; all others are texts.
DATATYPES = {"b": ("BOOL", "|b1"), "i": ("INT64", "<i8"), "u": ("INT64", "<i8"), "f": ("FP64", "<f8")}


def infer_response(prediction: Prediction, name: str, asked: InferRequest) -> Response:
    """The outputs that were asked for, else the model's first one.

    :param name: of the model.
    """
    outputs = asked["outputs"] or {own_outputs(prediction.model)[0]: asked["raw"]}
    document: dict[str, Any] = {"model_name": name, "model_version": prediction.model.version}
    if asked["id"] is not None:
        document["id"] = asked["id"]
    found = [_tensor(output, output_array(prediction, output), raw=raw) for output, raw in outputs.items()]
    document["outputs"] = [tensor for tensor, _ in found]
    content = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not any(outputs.values()):
        return BytesResponse(content, content_type=JSON)
    body = b"".join([content, *(raw for _, raw in found)])
    response = BytesResponse(body, content_type="application/octet-stream")
    response.headers[HEADER_LENGTH] = str(len(content))
    return response


def _tensor(name: str, array: NDArray[Any], *, raw: bool) -> tuple[dict[str, Any], bytes]:
    """What the JSON says of a tensor, and what follows it; one dimension becomes [rows, 1]."""
    shape = list(array.shape) if array.ndim > 1 else [len(array), 1]
    datatype, dtype = DATATYPES.get(array.dtype.kind, (BYTES, None))
    tensor: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}
    flat: Any = array.ravel()
    flat = np.ascontiguousarray(flat, dtype=dtype) if dtype else list(map(str, flat.tolist()))
    if not raw:
        return tensor | {"data": flat}, b""
    content = flat.tobytes() if dtype else _texts(flat)
    return tensor | {"parameters": {"binary_data_size": len(content)}}, content


def _texts(texts: list[str]) -> bytes:
    """Each with its length before it."""
    encoded = {text: text.encode() for text in set(texts)}
    framed = {text: len(raw).to_bytes(LENGTH_BYTES, "little") + raw for text, raw in encoded.items()}
    return b"".join(map(framed.__getitem__, texts))
