"""Components of the document: schemas that the model decides, headers, and security schemes."""

from collections.abc import Callable, Mapping
from typing import Any

from apispec import APISpec
from flask import Flask
from marshmallow import fields

from app.api.answer_schemas import Component, ErrorAnswer
from app.api.errors import STATUS
from app.api.formats.json_codec import RowField, RowsField
from app.api.schemas import SHARES, IdentifiedSchema
from app.models.loading.loader import LoadedVersion
from app.pages.openapi.result_schemas import result_components
from app.pages.openapi.row_schemas import row_components
from app.pages.openapi.schema_parts import ref

COUNT = {"schema": {"type": "integer", "minimum": 0}}
HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-ID": {"required": True, "schema": {"type": "string"}},
    "RateLimit-Limit": {"description": "Requests that the window admits.", **COUNT},
    "RateLimit-Remaining": {"description": "Requests left in the window.", **COUNT},
    "RateLimit-Reset": {"description": "Seconds until there is room for another.", **COUNT},
    "Retry-After": {"description": "Seconds until a request may pass.", **COUNT},
    "WWW-Authenticate": {"description": "The accepted schemes.", "schema": {"type": "string"}},
}
REQUEST_HEADERS = {
    "RequestId": ("X-Request-ID", "Returned with the answer, if it is up to 128 plain characters."),
    "ModelVersion": ("X-Model-Version", "The version to predict with; needs the scope `admin`."),
}


def add_components(spec: APISpec, converter: Any, app: Flask, model: LoadedVersion | None) -> None:
    """Add those that operations refer to by their names."""
    components = spec.components
    own = row_components(model, app.config) | result_components(model)
    for name, schema in own.items():
        components.schema(name, schema)
    types = {"error_type": {"type": "string", "enum": list(STATUS)}}
    components.schema("ErrorAnswer", schema=ErrorAnswer)
    spec.components.schemas["ErrorAnswer"]["properties"] |= types
    components.schema("Identifier", converter.field2property(IdentifiedSchema().fields["request_id"]))
    components.schema("Shares", SHARES)
    for name, header in HEADERS.items():
        components.header(name, dict(header))
    for name, (header_name, text) in REQUEST_HEADERS.items():
        parameter = {"name": header_name, "description": text, "schema": {"type": "string"}}
        components.parameter(name, "header", parameter)
    for name, scheme in security_schemes(app).items():
        components.security_scheme(name, scheme)


def own_fields(most_samples: int) -> Callable[..., dict[str, Any]]:
    """The schemas of fields of the project's own, which are components."""

    def own_field(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
        if isinstance(field, Component):
            return ref(field.component)
        if isinstance(field, RowField):
            return ref("Row")
        if isinstance(field, RowsField):
            return {"type": "array", "items": ref("Row"), "minItems": 1, "maxItems": most_samples}
        return {}

    return own_field


def security_schemes(app: Flask) -> dict[str, dict[str, Any]]:
    """By name those that the app's settings accept; none where everybody is served."""
    settings = app.config
    if not settings["AUTH_REQUIRED"]:
        return {}
    found: dict[str, dict[str, Any]] = {}
    if settings["API_KEYS"] or settings["API_KEYS_FILE"]:
        found["ApiKey"] = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    if settings["JWT_ISSUER"]:
        found["Token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return found
