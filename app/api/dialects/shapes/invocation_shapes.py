"""Shapes of the bodies and answers of MLflow's and SageMaker's ``/invocations``, and of a container."""

from app.api.dialects.shapes import (
    ANSWERED,
    COLUMNS_OR_ROWS,
    STRING,
    component,
    exactly_one,
    members,
    some,
)

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
NAMES = some(component("OutputName"), {"type": "array", "items": component("OutputName")}, {"type": "null"})
PARAMS = {"type": ["object", "null"], "properties": {"outputs": NAMES, "predict_method": NAMES}}
MLFLOW_BODY = members(
    {
        "dataframe_split": component("SplitRows"),
        "dataframe_records": component("PlainRows"),
        "instances": component("PlainRows"),
        "inputs": COLUMNS_OR_ROWS,
        "params": PARAMS,
    },
    *(*FORMS, "params"),
) | exactly_one(FORMS)
SAMPLES_BODY = members(
    {
        "samples": component("PlainRows"),
        "request_id": component("Identifier"),
        "client_id": component("Identifier"),
    },
    *("request_id", "client_id"),
) | {"additionalProperties": False}
INSTANCES_BODY = members({"instances": component("PlainRows")}) | {"additionalProperties": False}
SAGEMAKER_BODIES = (component("PlainRows"), SAMPLES_BODY)
# Of a body that several dialects may mean: MLflow's first, whose instances leave room for other members.
INVOCATION_BODY = some(MLFLOW_BODY, *SAGEMAKER_BODIES)
SAGEMAKER_BODY = some(*SAGEMAKER_BODIES, INSTANCES_BODY)
INVOKE_BODY = some(
    *SAGEMAKER_BODIES,
    INSTANCES_BODY,
    MLFLOW_BODY | {"not": {"required": ["instances"]}},
)
PREDICTED = some(members({"predictions": ANSWERED}), ANSWERED, component("BatchAnswer"))

LOADED_MODEL = members({"modelName": STRING, "modelUrl": STRING})
LOADED_MODELS = members({"models": {"type": "array", "items": LOADED_MODEL}})
LOAD_BODY = members({"model_name": STRING, "url": STRING})
EXECUTION_PARAMETERS = members(
    {
        "MaxConcurrentTransforms": {"type": "integer"},
        "BatchStrategy": STRING,
        "MaxPayloadInMB": {"type": "integer"},
    }
)
