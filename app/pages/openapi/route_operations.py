"""Operations of the document: one for each method of each rule of the URL map, as its view is described."""

import inspect
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.routing import Rule

from app.api.description import ATTRIBUTE, EVENTS, Description
from app.middleware.auth.open_metrics import METRICS_ENDPOINT
from app.middleware.route_table import OPEN, ROUTE_TABLE, Scope
from app.pages.openapi.document_components import security_schemes

VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
OF_SERVER = (414,)  # answered before the app, in the shape of the native API
UNDESCRIBED = Description({200: {}})
IMPLICIT = {"HEAD", "OPTIONS"}
ARRAY = "application/x-npy"
NEEDS_PYARROW = ("csv", "parquet", "arrow")
MARKUP = re.compile(r"`+")


class Route(NamedTuple):
    """One method of a rule, with its view and what the table says of it."""

    app: Flask
    rule: Rule
    method: str
    description: Description
    scope: Scope
    exempt: bool

    @property
    def path(self) -> str:
        """The path with its variables as OpenAPI writes them."""
        return VARIABLE.sub(r"{\1}", self.rule.rule)

    @property
    def sample_path(self) -> str:
        """A path that the rule matches."""
        return VARIABLE.sub("x", self.rule.rule)

    @property
    def variables(self) -> list[str]:
        """In the order of the path."""
        return VARIABLE.findall(self.rule.rule)

    @property
    def of_default(self) -> bool:
        """Whether it predicts with the default model, because its path names none."""
        return self.description.pins and "name" not in self.variables

    @property
    def statuses(self) -> list[int]:
        """Of its errors."""
        found = {*self.description.errors, 500}
        if self.needs_key:
            found |= {401, 403, 429}
        if not self.exempt:
            found |= {429, 503}
        if self.variables:
            found |= {404, 414}
        if self.description.query:
            found |= {400, 414}
        if self.description.bodies:
            found |= {400, 413, 415}
        return sorted(found - self.description.answers.keys())

    @property
    def needs_key(self) -> bool:
        return self.scope is not OPEN and bool(self.app.config["AUTH_REQUIRED"])

    @property
    def security(self) -> list[dict[str, list[str]]]:
        """The schemes of which one is needed, with the scope."""
        if not self.needs_key:
            return []
        found = [{name: [str(self.scope)]} for name in security_schemes(self.app)]
        may_be_open = self.rule.endpoint == METRICS_ENDPOINT and self.app.config["METRICS_ALLOW_PRIVATE"]
        return [*found, *([{}] if may_be_open else [])]

    @property
    def id(self) -> str:
        """Unique: the view, and the variables by which its rules differ."""
        name = self.rule.endpoint.replace(".", "_")
        return "_".join([name, *(["by", *self.variables] if self.variables else [])])

    @property
    def texts(self) -> dict[str, str]:
        """Summary and description, from the docstring."""
        text = inspect.getdoc(self.app.view_functions[self.rule.endpoint]) or self.id
        text = MARKUP.sub("`", text.partition("\n\n:")[0])
        summary, _, rest = text.partition("\n\n")
        return {"summary": " ".join(summary.split()), **({"description": rest} if rest else {})}


def routes(app: Flask) -> Iterator[Route]:
    """Every route of the app; a view of somebody's own blueprint need not be described."""
    table = app.extensions[ROUTE_TABLE]
    for rule in app.url_map.iter_rules():
        description = getattr(app.view_functions[rule.endpoint], ATTRIBUTE, UNDESCRIBED)
        exempt = table.limits[rule.endpoint] == "exempt" and not VARIABLE.search(rule.rule)
        for method in sorted((rule.methods or set()) - IMPLICIT):
            yield Route(app, rule, method, description, table.scopes[rule.endpoint], exempt)


def operation(
    route: Route, names: dict[str, dict[str, Any]], parameters: list[Any], *, arrays: bool
) -> dict[str, Any]:
    """The operation of a route; shapes are left to the specification.

    :param names: schemas of variables of the path.
    :param parameters: of the query.
    :param arrays: the model takes arrays of numbers as bodies.
    """
    described = route.description
    found: dict[str, Any] = {
        "operationId": route.id,
        "tags": [route.rule.endpoint.partition(".")[0]],
        **route.texts,
        "parameters": [*_path_parameters(route, names), *parameters, *_headers(described)],
        "responses": _answers(route),
        "security": route.security,
    }
    if described.bodies:
        tables = [each for each in available(described.body_tables) if arrays or each != ARRAY]
        media = {**described.bodies, **{each: {} for each in tables}}
        content = {name: {"schema": shape} for name, shape in media.items()}
        found["requestBody"] = {"required": not described.optional, "content": content}
    return found


def available(tables: tuple[str, ...]) -> list[str]:
    """Those media types that can be read and written here."""
    arrow = find_spec("pyarrow") is not None
    return [each for each in tables if arrow or not any(part in each for part in NEEDS_PYARROW)]


def _path_parameters(route: Route, names: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"in": "path", "name": each, "required": True, "schema": names.get(each, {"type": "string"})}
        for each in route.variables
    ]


def _headers(described: Description) -> list[Any]:
    return ["RequestId", *(["ModelVersion"] if described.pins else [])]


def _answers(route: Route) -> dict[str, Any]:
    described, found = route.description, {}
    for status, content in described.answers.items():
        media = {name: {"schema": _shape(name, shape)} for name, shape in content.items()}
        if status == 200:
            media |= {name: {"schema": _shape(name, {})} for name in available(described.answer_tables)}
        headers = {name: {"schema": schema} for name, schema in described.headers.items()}
        text = "The answer" if status == 200 else "The answer while it cannot"
        found[str(status)] = {
            "description": text,
            "headers": response_headers(route) | headers,
            **({"content": media} if media else {}),
        }
    return found


def _shape(media_type: str, shape: Any) -> Any:
    """Texts are strings, but a stream of events is read as one object after the other."""
    text = media_type.startswith("text/") and media_type != EVENTS
    return {"type": "string"} if text else shape


def response_headers(route: Route) -> dict[str, Any]:
    """Headers of every answer of a route, as components."""
    names = ["X-Request-ID"]
    if not route.exempt:
        names += ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
    return {name: name for name in names}
