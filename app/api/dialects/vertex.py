"""Vertex AI's custom containers: the routes that its environment variables name.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from app.api.description import described
from app.api.dialects import Dialect, error_text
from app.api.dialects.json_documents import Document, as_object, check_output, load_document, member
from app.api.dialects.plain_predictions import answer_document, output_values
from app.api.dialects.shapes import platform_shapes as shapes
from app.api.formats import JSON, check_media_type
from app.api.formats.json_rows import listed_rows
from app.api.formats.results import output_array
from app.api.predictions import PREDICTION, predict_rows
from app.api.readiness import can_predict
from app.exceptions import InvalidInput
from app.middleware.route_table import OPEN, PREDICT, LimitClass, Routes, Scope
from app.models.ml_models import model_manager
from app.models.schema.signature import InputSignature
from app.models.serving.further_outputs import OUTPUTS
from app.models.serving.further_outputs import PREDICT as LABELS
from config import ConfigError

# Always there, open and not counted: to all but browsers 200 only while there is a model to predict with.
PROBE = "/"


def routes(config: Mapping[str, Any]) -> list[Routes]:
    """A row with those routes that are set, or none.

    :raises ConfigError: when they are registered, if one has the address of another route.
    """
    bp = Blueprint("vertex", __name__)
    overrides: dict[str, tuple[Scope, LimitClass]] = {}
    if (route := config["AIP_HEALTH_ROUTE"]) and route != PROBE:
        bp.record_once(partial(check_free, "AIP_HEALTH_ROUTE", route, "GET"))
        bp.add_url_rule(route, view_func=health, methods=["GET"], strict_slashes=False)
        overrides["health"] = (OPEN, "exempt")
    if route := config["AIP_PREDICT_ROUTE"]:
        bp.record_once(partial(check_free, "AIP_PREDICT_ROUTE", route, "POST"))
        bp.add_url_rule(route, view_func=predict, methods=["POST"], strict_slashes=False)
    return [Routes(bp, PREDICT, "requests", overrides)] if bp.deferred_functions else []


def check_free(variable: str, route: str, method: str, state: BlueprintSetupState) -> None:
    """:raises ConfigError: if a request for ``route`` would reach another one."""
    for rule in state.app.url_map.iter_rules():
        pattern = re.sub("<[^>]*>", "[^/]+", re.escape(rule.rule))
        if method in (rule.methods or ()) and re.fullmatch(pattern, route):
            raise ConfigError(f"{variable}={route!r}: is the address of another route, {rule.rule}")


@described(shapes.STATUS, others={503: shapes.STATUS})
def health() -> tuple[dict[str, str], int]:
    """200 only while there is a model to predict with, and the server does not drain."""
    return ({"status": "ready"}, 200) if can_predict() else ({"status": "not ready"}, 503)


@described(shapes.VERTEX_PREDICTED, bodies={JSON: shapes.VERTEX_BODY}, errors=PREDICTION, pins=True)
def predict() -> Response:
    """Predict ``instances``; ``parameters`` choose what each prediction is."""
    if request.environ.get("CONTENT_TYPE"):  # a body without a type is JSON
        check_media_type((JSON,))
    served_model = model_manager.served_model
    body = load_document(partial(_decode, signature=served_model.signature), served_model.signature)
    outputs = body["outputs"]
    further = outputs if outputs != [LABELS] else ()
    prediction = predict_rows(served_model, body["rows"], field="instances", outputs=further)
    if not body["named"]:
        return answer_document({"predictions": output_values(prediction, outputs[0])}, prediction)
    rows = zip(*(output_array(prediction, name).tolist() for name in outputs), strict=True)
    return answer_document(
        {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}, prediction
    )


def _decode(body: Any, signature: InputSignature | None) -> Document:
    document = as_object(body)
    parameters = member(document, "parameters", dict, "an object") or {}
    named = parameters.get("outputs") is not None
    return {
        "rows": listed_rows(document.get("instances"), signature, field="instances"),
        "outputs": _outputs(parameters["outputs"]) if named else [_method(parameters)],
        "named": named,
    }


def _method(parameters: Document) -> str:
    method = parameters.get("predict_method")
    return LABELS if method is None else check_output(method, "parameters.predict_method")


def _outputs(names: Any) -> list[str]:
    if not isinstance(names, list) or not names:
        reason = f"must be a list of some of {', '.join(OUTPUTS)}"
        raise InvalidInput([{"field": "parameters.outputs", "reason": reason}])
    return list(dict.fromkeys(check_output(name, "parameters.outputs") for name in names))


DIALECT = Dialect(routes, error_text)
