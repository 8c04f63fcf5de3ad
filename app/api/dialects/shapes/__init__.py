"""Shapes of the dialects' bodies and answers, as JSON Schema: what does the OpenAPI document say of them?

Components that the model decides go by their names; see `app.pages.openapi.row_schemas`.
"""

from collections.abc import Mapping
from typing import Any

JsonSchema = dict[str, Any]

STRING: JsonSchema = {"type": "string"}
STRINGS: JsonSchema = {"type": "array", "items": STRING}
TRUTH: JsonSchema = {"type": "boolean"}
OBJECT: JsonSchema = {"type": "object"}
OBJECT_OR_NULL: JsonSchema = {"type": ["object", "null"]}


def component(name: str) -> JsonSchema:
    """A reference to a component of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def members(properties: Mapping[str, JsonSchema], *optional: str) -> JsonSchema:
    """An object of these members, all of which are there but the optional ones."""
    required = [name for name in properties if name not in optional]
    found: JsonSchema = {"type": "object", "properties": dict(properties)}
    return found | ({"required": required} if required else {})


def exactly_one(names: tuple[str, ...]) -> JsonSchema:
    """The condition that an object has one of these members and none of the others."""
    return {"oneOf": [{"required": [name]} for name in names]}


def some(*alternatives: JsonSchema) -> JsonSchema:
    """One of these."""
    return {"anyOf": list(alternatives)}


# Of each row a label, a number or a list; with several outputs an object.
ANSWERED: JsonSchema = {"type": "array", "items": component("PlainValue")}
COLUMNS_OR_ROWS = some(component("ColumnLists"), component("RowObject"), component("PlainRows"))
