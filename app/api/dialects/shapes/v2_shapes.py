"""Shapes of the Open Inference Protocol's bodies and answers."""

from app.api.dialects.shapes import (
    OBJECT,
    OBJECT_OR_NULL,
    STRING,
    STRINGS,
    TRUTH,
    component,
    members,
)
from app.api.schemas import VERSION

VERSION_OR_NULL = VERSION | {"type": ["string", "null"]}
STRING_OR_NULL = {"type": ["string", "null"]}
LIVE = members({"live": TRUTH})
READY = members({"live": TRUTH, "ready": TRUTH})
SERVER = members({"name": STRING, "version": STRING, "extensions": STRINGS})
MODELS = members({"models": STRINGS})
TENSOR = members(
    {"name": STRING, "datatype": STRING, "shape": {"type": "array", "items": {"type": "integer"}}}
)
TENSORS = {"type": "array", "items": TENSOR}
MODEL = members(
    {"name": STRING, "versions": STRINGS, "platform": STRING, "inputs": TENSORS, "outputs": TENSORS}
)
MODEL_READY = members({"name": STRING, "ready": TRUTH})
STATISTICS = members({"model_stats": {"type": "array", "items": OBJECT}})

FLAG = {"type": ["boolean", "null"]}
OUTPUT = members(
    {
        "name": component("OutputName"),
        "parameters": {"type": ["object", "null"], "properties": {"binary_data": FLAG}},
    },
    "parameters",
)
INFER_BODY = members(
    {
        "id": STRING_OR_NULL,
        "parameters": {"type": ["object", "null"], "properties": {"binary_data_output": FLAG}},
        "inputs": component("Tensors"),
        "outputs": {"type": ["array", "null"], "items": OUTPUT},
    },
    *("id", "parameters", "outputs"),
)
INFERRED = members({"model_name": STRING, "model_version": STRING, "id": STRING, "outputs": TENSORS}, "id")

INDEX_BODY = members({"ready": FLAG}, "ready")
INDEX = {
    "type": "array",
    "items": members({"name": STRING, "version": STRING, "state": STRING, "reason": STRING}),
}
LOAD_BODY = members(
    {
        "parameters": OBJECT_OR_NULL
        | {"properties": {"version": VERSION_OR_NULL}, "additionalProperties": False}
    },
    "parameters",
)
LOADED = members({"name": STRING, "load": TRUTH, "version": STRING})
UNLOAD_BODY = members(
    {
        "parameters": OBJECT_OR_NULL
        | {
            "properties": {"version": VERSION_OR_NULL, "unload_dependents": {}},
            "additionalProperties": False,
        }
    },
    "parameters",
)
UNLOADED = members({"name": STRING, "unload": TRUTH})
