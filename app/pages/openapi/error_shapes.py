"""Errors of a route: what a dialect's own function makes of an error of the native API, as JSON Schema."""

from collections.abc import Iterable
from typing import Any

from flask import Flask, request

from app.api.description import ErrorShape
from app.api.dialects import ERROR_SHAPES
from app.api.errors import STATUS
from app.pages.openapi.schema_parts import JsonSchema, closed_object, ref

NATIVE = "ErrorAnswer"
SAMPLE: dict[str, Any] = {"error": "text", "error_type": "text", "details": {}, "request_id": "text"}


def error_shapes(app: Flask, path: str, method: str, others: Iterable[ErrorShape]) -> dict[str, JsonSchema]:
    """Names and schemas of the errors that a route may have.

    :param others: shapes that its view may choose for a request.
    """
    with app.test_request_context(path, method=method):
        shape = app.extensions.get(ERROR_SHAPES, {}).get(request.blueprint)
        made = [each(400, dict(SAMPLE)) for each in ([shape] if shape else []) + list(others)]
    return dict(map(_of, made or [SAMPLE]))


def _of(document: dict[str, Any]) -> tuple[str, JsonSchema]:
    if document == SAMPLE:
        return NATIVE, ref(NATIVE)
    properties = {
        name: {"type": "object" if isinstance(value, dict) else "string"} for name, value in document.items()
    }
    return "And".join(name.title().replace("_", "") for name in properties), closed_object(properties)


def error_response(headers: dict[str, Any], status: int, schema: JsonSchema) -> dict[str, Any]:
    """An error of a route.

    :param headers: of every answer of the route.
    """
    own = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    headers = headers | ({own[status]: own[status]} if status in own else {})
    content = {"application/json": {"schema": schema}}
    return {"description": _meaning(status), "headers": headers, "content": content}


def _meaning(status: int) -> str:
    types = [name for name, each in STATUS.items() if each == status]
    return " or ".join(f"`{name}`" for name in types) or "An error"
