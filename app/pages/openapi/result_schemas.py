"""Components of what a model answers: the result of a row, and single outputs as the dialects send them."""

from typing import Any

from app.models.loading.loader import LoadedVersion
from app.models.schema.signature import OutputSignature
from app.models.serving.further_outputs import OUTPUTS, own_outputs
from app.models.serving.overview import describe
from app.pages.openapi.column_schema import label_schema
from app.pages.openapi.schema_parts import NOTHING, NUMBER, JsonSchema, closed_object, fixed_list, ref

PROBABILITY: JsonSchema = {"type": "number", "minimum": 0, "maximum": 1.000001}
MEMBERS = ("prediction", "confidence", "probabilities", "score", "outputs", *OUTPUTS[2:])
SCALES = ("log_odds", "decision", "probability", "value", "score")
METHODS = ("linear", "tree_shap")


def result_components(model: LoadedVersion | None) -> dict[str, JsonSchema]:
    """Schemas by component name; of any answers without a model."""
    if model is None:
        members: JsonSchema = {name: {} for name in MEMBERS}
        value: JsonSchema = {}
        explains: Any = METHODS
        own: tuple[str, ...] = OUTPUTS
        classified = regressed = True
    else:
        value = _value(model.output)
        members = _members(model.output, value) | {name: {} for name in OUTPUTS[2:]}
        explains = METHODS if (found := describe(model).get("explains")) is None else (found,)
        own = own_outputs(model)
        classified = bool(model.output.classes) and model.output.probabilities
        regressed = model.output.task == "regression" and len(model.output.center) == 1
    members = {**members, "explanation": ref("Explanation")}
    return {
        "Value": value,
        "Result": closed_object(members, ()),
        "SampleResult": closed_object(
            {"sample_id": {"type": "integer"}, **members, **REJECTED}, ("sample_id",)
        ),
        "Explanation": _explanation(value, explains),
        "PlainValue": {"description": "A label or a number, or what else was asked for."},
        "OutputName": {"enum": list(own)},
        "OutputNames": {"type": "array", "items": {"enum": list(own)}},
        "SignatureName": {"enum": ["serving_default", *own]},
        "ClassifiedRows": {} if classified else NOTHING,
        "RegressedRows": {} if regressed else NOTHING,
    }


REJECTED = {"error": {"type": "string"}, "details": {"type": "object"}}


def _value(output: OutputSignature) -> JsonSchema:
    """The prediction of a row."""
    if output.classes:
        return label_schema(output.classes)
    if output.targets:
        return fixed_list([label_schema(labels) for labels in output.targets])
    if output.task == "transformation":
        return {"type": "array", "items": NUMBER}
    if output.scored:
        return {"type": "integer", "enum": [-1, 1]}
    if len(output.center) > 1:
        return fixed_list([NUMBER] * len(output.center))
    return {"type": "integer"} if output.whole else NUMBER


def _members(output: OutputSignature, value: JsonSchema) -> JsonSchema:
    """The members of a row's result."""
    if output.task == "transformation":
        return {"outputs": value}
    found = {"prediction": value}
    if output.scored:
        return found | {"score": NUMBER}
    if output.probabilities and output.targets:
        probabilities = [_probabilities(keys) for keys in output.target_keys]
        confidence = fixed_list([PROBABILITY] * len(probabilities))
        return found | {"confidence": confidence, "probabilities": fixed_list(probabilities)}
    if output.probabilities:
        return found | {"confidence": PROBABILITY, "probabilities": _probabilities(output.probability_keys)}
    return found


def _probabilities(keys: tuple[str, ...]) -> JsonSchema:
    """A number for each class. Not as properties, because generated clients make names of them, and those of
    ``<=50K`` and ``>50K`` are one."""
    names = list(keys)
    return {
        "type": "object",
        "propertyNames": {"enum": names},
        "additionalProperties": PROBABILITY,
        "required": names,
    }


def _explanation(value: JsonSchema, methods: tuple[str, ...]) -> JsonSchema:
    """How much each column contributed: ``margin`` is the sum of ``base_value``, contributions and others."""
    contribution = {"name": {"type": "string"}, "value": {}, "contribution": NUMBER}
    return closed_object(
        {
            "method": {"type": "string", "enum": list(methods)},
            "scale": {"type": "string", "enum": list(SCALES)},
            "class": value,
            "base_value": NUMBER,
            "margin": NUMBER,
            "contributions": {"type": "array", "items": closed_object(contribution)},
            "others": NUMBER,
        },
        ("method", "scale", "base_value", "margin", "contributions", "others"),
    )
