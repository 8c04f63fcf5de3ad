"""The OpenAPI 3.1 document of an app and a loaded version, by apispec from the schemas that serve."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask
from marshmallow import Schema

from app.api.answer_schemas import BatchAnswer
from app.api.schemas import VERSION
from app.models.loading.loader import LoadedVersion
from app.models.serving.overview import describe, example_row
from app.models.serving.served_model import DEFAULT
from app.pages.openapi.document_components import add_components, own_fields
from app.pages.openapi.error_shapes import NATIVE, error_response, error_shapes
from app.pages.openapi.route_operations import OF_SERVER, Route, operation, response_headers, routes
from app.pages.openapi.schema_parts import ref, some

OPENAPI = "3.1.0"


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
            own_fields(app.config["MAX_BATCH_SIZE"])
        )

    def document(self) -> dict[str, Any]:
        """The whole of it."""
        add_components(self._spec, self._converter, self._app, self._model)
        self._shape(BatchAnswer)  # dialects refer to it by its name
        for route in routes(self._app):
            found = operation(route, self._names(route), self._query(route), arrays=self._takes_arrays)
            self._resolve(found, of_default=self._name != DEFAULT and route.of_default)
            found["responses"] |= self._errors(route)
            self._spec.path(route.path, operations={route.method.lower(): found})
        return self._spec.to_dict()

    @property
    def _takes_arrays(self) -> bool:
        return self._model is None or self._model.signature.numeric

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
        for name, field in (schema().fields if schema else {}).items():
            content = field.metadata.get("content")
            shape = self._converter.field2property(field)
            text = {"description": found_text} if (found_text := shape.pop("description", None)) else {}
            how = {"content": {content: {"schema": shape}}} if content else {"schema": shape}
            many = {} if content else {"style": "form", "explode": False}
            found.append({"in": "query", "name": name, "required": field.required, **text, **how, **many})
        return found

    def _resolve(self, found: dict[str, Any], *, of_default: bool) -> None:
        """Put references in place of schemas, and an example beside a body.

        :param of_default: the rows are those of the default model, which this document does not describe.
        """
        body = found.get("requestBody", {"content": {}})["content"]
        contents = [body, *(each.get("content", {}) for each in found["responses"].values())]
        for media in (media for content in contents for media in content.values()):
            media["schema"] = {} if of_default else self._shape(media["schema"])
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
                self._spec.components.response(
                    name, error_response(response_headers(route), status, some(own.values()))
                )
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
        if "explain" not in schema().fields or self._model is None:
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
        " `?model=` and `?version=` of this document select another one that is loaded; requests select a"
        " version that is not the active one by the header `X-Model-Version`."
    )
