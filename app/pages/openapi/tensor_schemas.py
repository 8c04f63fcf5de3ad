"""Tensors of the Open Inference Protocol: of one row, because no schema ties a shape to its data."""

from app.api.dialects.open_inference.v2_models import MATRIX, datatype
from app.models.schema.cells import EXACT_INTEGER
from app.models.schema.signature import Feature, InputSignature
from app.pages.openapi.schema_parts import NULL, JsonSchema, fixed_list, some

WHOLE: JsonSchema = {"type": "integer", "minimum": -EXACT_INTEGER, "maximum": EXACT_INTEGER}
# Types of JSON that the elements of a datatype may have.
ELEMENTS = {"FP64": ("number", "integer"), "INT64": ("integer", "number"), "BOOL": ("boolean", "integer")}
TEXTS = ("string",)


def tensors(signature: InputSignature, cells: list[JsonSchema]) -> JsonSchema:
    """A tensor for each column, or a matrix of numbers in training order, as metadata call them.

    :param cells: what each column takes in JSON.
    """
    columns = [_column(*each, alone=len(cells) == 1) for each in zip(signature.features, cells, strict=True)]
    found = [fixed_list(columns)]
    if signature.numeric and len(cells) > 1:
        elements = [_elements("FP64", cell) for cell in cells]
        shape = {"enum": [[1, len(cells)]]}
        found.append(fixed_list([_tensor({"type": "string", "examples": [MATRIX]}, "FP64", shape, elements)]))
    return some(found)


def _column(feature: Feature, cell: JsonSchema, *, alone: bool) -> JsonSchema:
    kind = datatype(feature)
    name: JsonSchema = {"type": "string", "examples": [feature.name]} if alone else {"const": feature.name}
    return _tensor(name, kind, {"enum": [[1, 1], [1]]}, [_elements(kind, cell)])


def _tensor(name: JsonSchema, kind: str, shape: JsonSchema, elements: list[JsonSchema]) -> JsonSchema:
    data = some([fixed_list(elements), fixed_list([fixed_list(elements)])])
    properties = {"name": name, "datatype": {"const": kind}, "shape": shape, "data": data}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _elements(kind: str, cell: JsonSchema) -> JsonSchema:
    """What of a cell an element of that datatype may be."""
    alternatives = cell.get("anyOf", [cell])
    kept = [each for each in alternatives if _is_of(each, ELEMENTS.get(kind, TEXTS))]
    if kind == "INT64":
        kept = [each if "enum" in each else {**WHOLE, **each, "type": "integer"} for each in kept]
    return some(kept + [each for each in alternatives if each == NULL])


def _is_of(schema: JsonSchema, types: tuple[str, ...]) -> bool:
    return schema.get("type") in types
