"""The OpenAPI 3.1 document of an app and a loaded version, by apispec from the schemas that serve."""

from collections.abc import Callable, Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema, fields

from app.api.answer_schemas import BatchAnswer, Component, ErrorAnswer
from app.api.errors import STATUS
from app.api.formats.json_codec import RowField, RowsField
from app.api.schemas import SHARES, VERSION, IdentifiedSchema
from app.models.loading.loader import LoadedVersion
from app.models.serving.overview import describe, example_row
from app.models.serving.served_model import DEFAULT
from app.pages.openapi.error_shapes import NATIVE, error_shapes
from app.pages.openapi.result_schemas import result_components
from app.pages.openapi.route_operations import (
    OF_SERVER,
    Route,
    error_response,
    operation,
    routes,
    security_schemes,
)
from app.pages.openapi.row_schemas import row_components
from app.pages.openapi.schema_parts import ref, some

OPENAPI = "3.1.0"
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


class Specification:
    """Builds one document.

    :param name: of the model.
    :param model: its version, or None for a document with rows of any model.
    """

    def __init__(self, app: Flask, name: str, model: LoadedVersion | None) -> None:
        self._app = app
        self._name = name
        self._model = model
        self._marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
        self._spec = APISpec(
            title="Model service",
            version=model.version if model else "none",
            openapi_version=OPENAPI,
            plugins=[self._marshmallow],
            info={"description": _about(name, model)},
            servers=[{"url": app.config["SCRIPT_NAME"] or "/"}],
        )
        assert self._marshmallow.converter is not None
        self._converter = self._marshmallow.converter
        self._converter.add_attribute_function(  # type: ignore[no-untyped-call] # apispec leaves it without types
            _own_fields(app.config["MAX_BATCH_SIZE"])
        )

    def document(self) -> dict[str, Any]:
        """The whole of it.

        :raises LookupError: naming a view without a description.
        """
        self._add_components()
        for route in routes(self._app):
            found = operation(route, self._names(route), self._query(route), arrays=self._takes_arrays)
            self._resolve(found)
            found["responses"] |= self._errors(route)
            self._spec.path(route.path, operations={route.method.lower(): found})
        return self._spec.to_dict()

    @property
    def _takes_arrays(self) -> bool:
        return self._model is None or self._model.signature.numeric

    def _add_components(self) -> None:
        components = self._spec.components
        own = row_components(self._model, self._app.config) | result_components(self._model)
        for name, schema in own.items():
            components.schema(name, schema)
        types = {"error_type": {"type": "string", "enum": list(STATUS)}}
        components.schema("ErrorAnswer", schema=ErrorAnswer)
        self._spec.components.schemas["ErrorAnswer"]["properties"] |= types
        components.schema(
            "Identifier", self._converter.field2property(IdentifiedSchema._declared_fields["request_id"])
        )
        components.schema("Shares", SHARES)
        self._shape(BatchAnswer)  # dialects refer to it by its name
        for name, header in HEADERS.items():
            components.header(name, dict(header))
        for name, (header_name, text) in REQUEST_HEADERS.items():
            parameter = {"name": header_name, "description": text, "schema": {"type": "string"}}
            components.parameter(name, "header", parameter)
        for name, scheme in security_schemes(self._app).items():
            components.security_scheme(name, scheme)

    def _names(self, route: Route) -> dict[str, dict[str, Any]]:
        """Schemas of the variables of a path: where a body follows, the model and version of the rows."""
        version = self._model.version if self._model else None
        if self._model is not None and route.description.bodies and not route.description.optional:
            return {"name": {"enum": [self._name]}, "version": {"enum": [version]}, "label": LABEL}
        examples = {"examples": [version]} if version else {}
        return {
            "name": {**VERSION, "examples": [self._name]},
            "version": {**VERSION, **examples},
            "label": LABEL,
        }

    def _query(self, route: Route) -> list[dict[str, Any]]:
        found = []
        schema = route.description.query
        for name, field in (schema._declared_fields if schema else {}).items():
            content = field.metadata.get("content")
            shape = self._converter.field2property(field)
            text = {"description": found_text} if (found_text := shape.pop("description", None)) else {}
            how = {"content": {content: {"schema": shape}}} if content else {"schema": shape}
            many = {} if content else {"style": "form", "explode": False}
            found.append({"in": "query", "name": name, "required": field.required, **text, **how, **many})
        return found

    def _resolve(self, found: dict[str, Any]) -> None:
        """Put references in place of schemas, and an example beside a body."""
        body = found.get("requestBody", {"content": {}})["content"]
        contents = [body, *(each.get("content", {}) for each in found["responses"].values())]
        for content in contents:
            for media in content.values():
                media["schema"] = self._shape(media["schema"])
        for media_type, media in body.items():
            if media_type == "application/json" and (example := self._example(media["schema"])):
                media["example"] = example

    def _errors(self, route: Route) -> dict[str, str]:
        """Names of responses by status; those that are new become components."""
        shapes = error_shapes(self._app, route.sample_path, route.method, route.description.shapes)
        found = {}
        for status in route.statuses:
            own = {NATIVE: ref(NATIVE)} if status in OF_SERVER else shapes
            name = f"Status{status}" + "Or".join("" if each == NATIVE else each for each in own)
            found[str(status)] = name = name + ("OfProbe" if route.exempt else "")
            if name not in self._spec.components.responses:
                self._spec.components.response(name, error_response(route, status, some(own.values())))
        return found

    def _shape(self, shape: Any) -> Any:
        if isinstance(shape, type) and issubclass(shape, Schema):
            name = _name_of(shape)
            if name not in self._spec.components.schemas:
                self._spec.components.schema(name, dict(getattr(shape, "conditions", {})), schema=shape)
                self._limit_explanations(shape, name)
            return ref(name)
        return shape

    def _limit_explanations(self, schema: type[Schema], name: str) -> None:
        """Leave out ``explain`` where the model has no explanations, and say what it is where it has."""
        properties = self._spec.components.schemas[name].get("properties", {})
        if "explain" not in schema._declared_fields or self._model is None:
            return
        if describe(self._model).get("explains") is None:
            del properties["explain"]
        else:
            properties["explain"] = {"type": "integer", "minimum": 1} | properties["explain"]

    def _example(self, schema: dict[str, Any]) -> dict[str, Any] | None:
        if self._model is None:
            return None
        row = example_row(self._model)
        known: dict[str, dict[str, Any]] = {
            "Predict": {"features": row},
            "Batch": {"samples": [row, list(row.values())]},
        }
        return known.get(schema.get("$ref", "").rpartition("/")[2])


LABEL = {"enum": ["champion", "stable"]}


def _own_fields(most_samples: int) -> Callable[..., dict[str, Any]]:
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


def _name_of(schema: Any) -> str:
    name: str = (schema if isinstance(schema, type) else type(schema)).__name__
    return name.removesuffix("Schema")


def _about(name: str, model: LoadedVersion | None) -> str:
    if model is None:
        return "No model is loaded: rows are those of any model."
    of_model = "the default model" if name == DEFAULT else f"the model `{name}`"
    kind = model.metadata["model_type"]
    return (
        f"Rows and answers are those of {of_model}, version `{model.version}` ({kind})."
        " `?model=` and `?version=` of this document select another one that is loaded."
    )
