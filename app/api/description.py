"""Descriptions of views for the OpenAPI document: what a route table does not say, beside the view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from marshmallow import Schema

from app.api.formats import JSON

# A marshmallow schema, a JSON Schema, or the name of a component, such as one that the model decides.
Shape = type[Schema] | Mapping[str, Any] | str
# From a status and an error of the API's own shape to that of a dialect.
ErrorShape = Callable[[int, dict[str, Any]], dict[str, Any]]
View = TypeVar("View", bound=Callable[..., Any])

ATTRIBUTE = "description"
TEXT: Mapping[str, Any] = {"type": "string"}
PLAIN = "text/plain"
EVENTS = "text/event-stream"
NEVER = "never"  # in place of the answer of a view that always raises


@dataclass(frozen=True)
class Description:
    """``answers``: by status, a shape by media type. ``bodies``: by media type; ``optional``: there may be
    none. ``body_tables``, ``answer_tables``: media types of tables besides. ``query``: parameters.
    ``errors``: statuses besides those of each route of the kind. ``shapes``: of errors, besides that of the
    blueprint. ``pins``: the header ``X-Model-Version`` selects the version. ``headers``: of the answer.
    """

    answers: Mapping[int, Mapping[str, Shape]]
    bodies: Mapping[str, Shape] = field(default_factory=dict)
    optional: bool = False
    body_tables: tuple[str, ...] = ()
    answer_tables: tuple[str, ...] = ()
    query: type[Schema] | None = None
    errors: tuple[int, ...] = ()
    shapes: tuple[ErrorShape, ...] = ()
    pins: bool = False
    headers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def described(
    answer: Shape | None = None,
    *,
    media: tuple[str, ...] = (JSON,),
    besides: Mapping[str, Shape] = {},
    others: Mapping[int, Shape | None] = {},
    **rest: Any,
) -> Callable[[View], View]:
    """Describe a view.

    :param answer: with the status 200; None for one without a body, `NEVER` if there is none.
    :param media: its media types.
    :param besides: further media types, whose shape is another.
    :param others: answers with other statuses, which are no errors.
    :param rest: as `Description` has it.
    """
    found = {**({} if answer is NEVER else {200: answer}), **others}
    answers = {
        status: {} if shape is None else dict.fromkeys(media, shape) for status, shape in found.items()
    }
    answers.get(200, {}).update(besides)

    def describe(view: View) -> View:
        setattr(view, ATTRIBUTE, Description(answers, **rest))
        return view

    return describe
