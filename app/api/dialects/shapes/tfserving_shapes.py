"""Shapes of TensorFlow Serving's and KServe's V1 bodies and answers."""

from app.api.dialects.shapes import (
    ANSWERED,
    COLUMNS_OR_ROWS,
    OBJECT,
    STRING,
    STRINGS,
    TRUTH,
    component,
    exactly_one,
    members,
)

VERSION_STATUS = members({"version": STRING, "state": STRING, "status": OBJECT})
STATUS = members(
    {
        "name": STRING,
        "ready": TRUTH,
        "model_version_status": {"type": "array", "items": VERSION_STATUS},
    }
)
MODELS = members({"models": STRINGS})
METADATA = members({"model_spec": OBJECT, "metadata": OBJECT})
ROWS = component("SpreadRows")
PREDICT_BODY = members(
    {"signature_name": component("SignatureName"), "instances": ROWS, "inputs": COLUMNS_OR_ROWS},
    *("signature_name", "instances", "inputs"),
) | exactly_one(("instances", "inputs"))
PREDICTED = {"anyOf": [members({name: ANSWERED}) for name in ("predictions", "outputs")]}
VERBS = ("tensorflow/serving/classify", "tensorflow/serving/regress", "serving_default")
EXAMPLES = members({"signature_name": {"enum": list(VERBS)}, "examples": ROWS}, "signature_name")
CLASSIFY_BODY = {"allOf": [component("ClassifiedRows"), EXAMPLES]}
REGRESS_BODY = {"allOf": [component("RegressedRows"), EXAMPLES]}
RESULTS = {"type": "array"}
RESULTS_ANSWER = members({"result": RESULTS, "results": RESULTS})
