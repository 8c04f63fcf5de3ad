"""Components of the rows that a model takes: in training order, by column name, and as dialects send them."""

from collections.abc import Mapping
from typing import Any

from app.models.loading.loader import LoadedVersion
from app.models.serving.overview import example_row
from app.pages.openapi.column_schema import column_schema, documented
from app.pages.openapi.schema_parts import JsonSchema, closed_object, fixed_list, ref, some
from app.pages.openapi.tensor_schemas import tensors


def row_components(model: LoadedVersion | None, settings: Mapping[str, Any]) -> dict[str, JsonSchema]:
    """Schemas by component name; of any rows without a model.

    :param settings: of the app: ``OUTLIER_POLICY`` decides whether ranges bind.
    """
    found = _of_any_model() if model is None else _of_model(model, settings)
    rows = {"type": "array", "minItems": 1, "maxItems": settings["MAX_ROWS"]}
    plain = some([{**rows, "items": items} for items in found.pop("PlainRow")["anyOf"]])
    return {**found, "Row": {"anyOf": [ref("RowObject"), ref("RowList")]}, "PlainRows": plain}


def _of_any_model() -> dict[str, JsonSchema]:
    cells = {"type": "array", "minItems": 1}
    return {
        "RowObject": {"type": "object", "minProperties": 1},
        "RowList": cells,
        "PlainRow": {"anyOf": [{}]},
        "SpreadRows": {"type": "array", "minItems": 1},
        "ColumnLists": {"type": "object", "minProperties": 1, "additionalProperties": cells},
        "SplitRows": {"type": "object", "required": ["data"]},
        "Tensors": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    }


def _of_model(model: LoadedVersion, settings: Mapping[str, Any]) -> dict[str, JsonSchema]:
    signature, bounds = model.signature, _bounds(model, settings)
    names = list(signature.names)
    cells = [column_schema(each, bounds=bounds.get(each.name)) for each in signature.features]
    example = example_row(model)
    properties = {
        feature.name: cell | documented(feature, example[feature.name])
        for feature, cell in zip(signature.features, cells, strict=True)
    }
    by_name = dict(zip(names, cells, strict=True))
    row_list = fixed_list([{"title": name, **cell} for name, cell in by_name.items()])
    lists = {name: {"type": "array", "items": cell, "minItems": 1} for name, cell in by_name.items()}
    plain = [ref("Row"), *(cells if len(cells) == 1 else [])]  # of one column all are cells, or none is
    names_of_split: JsonSchema = {"enum": [names, list(range(len(names))), [], None]}
    return {
        "RowObject": closed_object(properties) | {"examples": [example]},
        "RowList": row_list | {"examples": [list(example.values())]},
        "PlainRow": {"anyOf": plain},
        "SpreadRows": {"anyOf": [ref("PlainRows"), _spread(by_name)]},
        "ColumnLists": closed_object(lists),
        "SplitRows": {
            "type": "object",
            "properties": {
                "columns": names_of_split,
                "index": {"type": "array"},
                "data": {"type": "array", "items": row_list, "minItems": 1},
            },
            "required": ["data"],
            "additionalProperties": False,
        },
        "Tensors": tensors(signature, cells),
    }


def _spread(cells: dict[str, JsonSchema]) -> JsonSchema:
    """Objects whose cells may be lists, the first of which has one: of single cells, because no schema says
    that lists are of one length."""
    most = {} if len(cells) == 1 else {"maxItems": 1}
    listed = {name: {"type": "array", "items": cell, "minItems": 1, **most} for name, cell in cells.items()}
    row = closed_object({name: some([cell, listed[name]]) for name, cell in cells.items()})
    first = [{"properties": {name: {"type": "array"}}} for name in cells]
    return {"type": "array", "prefixItems": [{**row, "anyOf": first}], "items": row, "minItems": 1}


def _bounds(model: LoadedVersion, settings: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Lowest and highest number by column, where outliers are rejected."""
    if settings["OUTLIER_POLICY"] != "reject":
        return {}
    lower, upper = model.signature.bounds(settings["OUTLIER_TOLERANCE"])
    return dict(zip(model.signature.names, zip(lower.tolist(), upper.tolist(), strict=True), strict=True))
