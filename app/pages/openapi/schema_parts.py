"""Parts of JSON Schema that the components are made of."""

from collections.abc import Iterable, Mapping
from typing import Any

JsonSchema = dict[str, Any]

NULL: JsonSchema = {"type": "null"}
NUMBER: JsonSchema = {"type": "number"}
NOTHING: JsonSchema = {"not": {}}


def ref(component: str) -> JsonSchema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{component}"}


def some(alternatives: Iterable[JsonSchema]) -> JsonSchema:
    """One of these, of which some may be alternatives themselves."""
    found = [one for each in alternatives for one in (each["anyOf"] if each.keys() == {"anyOf"} else [each])]
    return found[0] if len(found) == 1 else {"anyOf": found}


def closed_object(properties: Mapping[str, JsonSchema], required: Iterable[str] | None = None) -> JsonSchema:
    """An object of these members alone, all of which are required unless some are named."""
    names = list(properties if required is None else required)
    found: JsonSchema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return found | ({"required": names} if names else {})


def fixed_list(items: Iterable[JsonSchema]) -> JsonSchema:
    """A list of exactly these items."""
    found = list(items)
    return {"type": "array", "prefixItems": found, "minItems": len(found), "maxItems": len(found)}
