"""Shapes of the bodies and answers of Azure ML and Vertex AI."""

from marshmallow import Schema, fields, validate

from app.api.answer_schemas import Component
from app.api.dialects.shapes import (
    ANSWERED,
    OBJECT,
    STRING,
    component,
    exactly_one,
    members,
    some,
)

MEMBERS = ("data", "input_data", "Inputs")
ROWS = some(component("PlainRows"), component("SplitRows"), component("ColumnLists"), component("RowObject"))
SCORE_BODY = members(
    {
        "data": ROWS,
        "input_data": ROWS,
        "Inputs": {
            "type": "object",
            "additionalProperties": ROWS,
            "minProperties": 1,
            "maxProperties": 1,
        },
        "method": component("OutputName"),
    },
    *(*MEMBERS, "method"),
) | exactly_one(MEMBERS)
SCORED = some(members({"result": ANSWERED}), ANSWERED, members({"Results": ANSWERED}))


class ScoreQuery(Schema):
    data = Component("PlainRows", required=True, metadata={"content": "application/json"})
    method = Component("OutputName")


class SwaggerQuery(Schema):
    version = fields.String(validate=validate.OneOf(("2", "2.0", "3", "3.0")))


NAMES = {"type": ["array", "null"], "items": component("OutputName"), "minItems": 1}
VERTEX_BODY = members(
    {
        "instances": component("PlainRows"),
        "parameters": {
            "type": ["object", "null"],
            "properties": {
                "outputs": NAMES,
                "predict_method": some(component("OutputName"), {"type": "null"}),
            },
        },
    },
    "parameters",
)
VERTEX_PREDICTED = members({"predictions": ANSWERED})
STATUS = members({"status": STRING})
SWAGGER = OBJECT
