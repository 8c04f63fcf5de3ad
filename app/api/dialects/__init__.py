"""Protocols of other model servers, decode and encode only: which are there, and how do they say an error?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pkgutil import resolve_name
from typing import Any

from flask import Flask, g, request

from app.middleware.route_table import Routes

ERROR_SHAPES = "error_shapes"
MOST_TOLD = 3  # errors in one sentence
# From status and document of the API's own shape to the document of a dialect.
ErrorShape = Callable[[int, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Dialect:
    """``routes``: from the settings to rows of the route table. ``prefix``: of all its paths, if it has one,
    so that paths without a route have its error too."""

    routes: Callable[[Mapping[str, Any]], Sequence[Routes]]
    error: ErrorShape
    prefix: str | None = None


INVOCATIONS = "app.api.dialects.invocations"
# Modules with a ``DIALECT``; several names share one. `config.DIALECTS` has the same names.
MODULES: Mapping[str, tuple[str, ...]] = {
    "v2": ("app.api.dialects.open_inference.v2",),
    "mlflow": (INVOCATIONS,),
    "sagemaker": (INVOCATIONS,),
    "tfserving": ("app.api.dialects.tfserving",),
    "azure": ("app.api.dialects.azure",),
    # Last, so that its routes are compared with those of all others.
    "vertex": ("app.api.dialects.vertex",),
}


def routes(app: Flask) -> list[Routes]:
    """Rows of the route table for the dialects that are on, whose errors then have their shapes."""
    chosen = (modules for name, modules in MODULES.items() if name in app.config["DIALECTS"])
    modules = dict.fromkeys(chain.from_iterable(chosen))
    dialects: list[Dialect] = [resolve_name(f"{module}:DIALECT") for module in modules]
    rows: list[Routes] = []
    shapes = app.extensions.setdefault(ERROR_SHAPES, {})
    for dialect in dialects:
        found = dialect.routes(app.config)
        rows += found
        shapes |= {row.blueprint.name: dialect.error for row in found}
        if dialect.prefix:
            shapes[dialect.prefix] = dialect.error
    return rows


def error_shape(app: Flask) -> ErrorShape | None:
    """The shape of errors of the running request's dialect, or None for the API's own."""
    if (chosen := g.get("error_shape")) is not None:
        return chosen  # type: ignore[no-any-return] # a view sets it
    shapes: Mapping[str, ErrorShape] = app.extensions.get(ERROR_SHAPES, {})
    name = request.blueprint or request.environ["PATH_INFO"][:3]
    return shapes.get(name)


def error_text(_: int, document: dict[str, Any]) -> dict[str, Any]:
    """The shape of errors of protocols that have a text alone."""
    return {"error": error_sentence(document)}


def error_sentence(document: Mapping[str, Any]) -> str:
    """An error of the API's own shape as one sentence, for protocols that have no details: the first few
    places, and how many more there are."""
    errors = document["details"].get("errors", ())
    told = "; ".join(map(_told, errors[:MOST_TOLD]))
    more = f"; and {len(errors) - MOST_TOLD} more" if len(errors) > MOST_TOLD else ""
    return f"{document['error']}: {told}{more}" if told else str(document["error"])


def _told(error: Mapping[str, Any]) -> str:
    """``dataframe_records, row 3, column 'age': must be a number, not a string``."""
    places = [str(error["field"])] if "field" in error else []
    places += [f"{key} {error[key]}" for key in ("line", "row") if key in error]
    if (column := error.get("name", error.get("position", error.get("column")))) is not None:
        places.append(f"column {column!r}")
    return f"{', '.join(places)}: {error['reason']}" if places else str(error["reason"])
