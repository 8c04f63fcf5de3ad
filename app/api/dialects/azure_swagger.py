"""``/swagger.json``: the description of ``/score`` that Azure's tools read, in Swagger 2 and OpenAPI 3."""

from typing import Any

from app.exceptions import ServiceError
from app.models.loading.loader import LoadedVersion
from app.models.schema.cells import kind_of
from app.models.schema.dates import DAYS, TIME
from app.models.schema.signature import Feature, Label

VERSIONS = {"2": "2", "2.0": "2", "3": "3", "3.0": "3"}
TYPES: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
MEDIAN = "0.5"


class SwaggerNotFound(ServiceError):
    """There is no description in that version."""

    error_type = "not_found"

    def __init__(self, version: str) -> None:
        supported = ", ".join(VERSIONS)
        super().__init__(f"Swagger version {version[:64]!r} is not valid; supported are {supported}")


def swagger(model: LoadedVersion, version: str) -> dict[str, Any]:
    """The document for a loaded version.

    :raises SwaggerNotFound: for other versions of Swagger than 2 and 3.
    """
    if version not in VERSIONS:
        raise SwaggerNotFound(version)
    if VERSIONS[version] == "2":
        return {
            "swagger": "2.0",
            "info": _info(model),
            "consumes": ["application/json"],
            "produces": ["application/json"],
            "paths": _paths(_content_2),
            "definitions": _schemas(model, "x-nullable"),
        }
    return {
        "openapi": "3.0.0",
        "info": _info(model),
        "paths": _paths(_content_3),
        "components": {"schemas": _schemas(model, "nullable")},
    }


def example_row(model: LoadedVersion) -> dict[str, Any]:
    """A row that the model takes, by column name: middle and most frequent values, and nobody's own."""
    return {feature.name: _example(feature) for feature in model.signature.features}


def _info(model: LoadedVersion) -> dict[str, str]:
    return {"title": "ML service", "description": model.metadata["model_type"], "version": model.version}


def _paths(content: Any) -> dict[str, Any]:
    healthy = {"description": "The service can predict"}
    return {
        "/": {"get": {"operationId": "ServiceHealthCheck", "responses": {"200": healthy}}},
        "/score": {"post": {"operationId": "RunMLService", **content()}},
    }


def _content_2() -> dict[str, Any]:
    def body(name: str) -> dict[str, Any]:
        return {"schema": {"$ref": f"#/definitions/{name}"}}

    return {
        "parameters": [
            {"name": "serviceInputPayload", "in": "body", "required": True, **body("ServiceInput")}
        ],
        "responses": {
            "200": {"description": "Predictions", **body("ServiceOutput")},
            "default": {"description": "An error", **body("ErrorResponse")},
        },
    }


def _content_3() -> dict[str, Any]:
    def body(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}

    return {
        "requestBody": {"required": True, **body("ServiceInput")},
        "responses": {
            "200": {"description": "Predictions", **body("ServiceOutput")},
            "default": {"description": "An error", **body("ErrorResponse")},
        },
    }


def _schemas(model: LoadedVersion, nullable: str) -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {each.name: _input(each, nullable) for each in model.signature.features},
        "required": list(model.signature.names),
    }
    example = {"data": [example_row(model)]}
    return {
        "ServiceInput": _object("data", row) | {"example": example},
        "ServiceOutput": _object("result", _output(model)),
        "ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}},
    }


def _object(member: str, items: dict[str, Any]) -> dict[str, Any]:
    array = {"type": "array", "items": items}
    return {"type": "object", "properties": {member: array}, "required": [member]}


def _input(feature: Feature, nullable: str) -> dict[str, Any]:
    if feature.kind == "boolean":
        found: dict[str, Any] = {"type": "boolean"}
    elif feature.kind == "number":
        found = {"type": "integer" if feature.whole else "number"}
    else:
        known = feature.categories
        found = {"type": TYPES[kind_of(known)]} if feature.open else _labels(known)
    return found | ({nullable: True} if feature.nullable else {})


def _output(model: LoadedVersion) -> dict[str, Any]:
    output = model.output
    if output.classes:
        return _labels(output.classes)
    if output.targets or len(output.center) > 1 or output.task == "transformation":
        return {"type": "array", "items": {}}
    return {"type": "integer" if output.whole else "number"}


def _labels(labels: tuple[Label, ...]) -> dict[str, Any]:
    return {"type": TYPES[kind_of(labels)], "enum": list(labels)}


def _example(feature: Feature) -> Any:
    statistics = feature.statistics
    if feature.kind == "boolean":
        return False
    if feature.kind == "number":
        median = statistics.get("quantiles", {}).get(MEDIAN, 0.0)
        return int(median) if feature.whole else median
    if feature.kind == "date":
        return _date(feature)
    return feature.categories[0] if feature.categories else "text"


def _date(feature: Feature) -> str:
    if feature.dtype in DAYS:
        return "2026-01-31"
    found = TIME.fullmatch(feature.dtype or "")
    return "2026-01-31T00:00:00" + ("+00:00" if found and found["zone"] else "")
