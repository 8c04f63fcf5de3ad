"""TensorFlow Serving's REST API, and KServe's V1 below the same paths.

https://www.tensorflow.org/tfx/serving/api_rest and https://kserve.github.io/website/docs/concepts
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from app.api.description import NEVER, described
from app.api.dialects import Dialect, error_text
from app.api.dialects.json_documents import (
    Document,
    as_object,
    check_output,
    in_context,
    load_document,
    member,
)
from app.api.dialects.plain_predictions import answer_document, output_values
from app.api.dialects.shapes import tfserving_shapes as shapes
from app.api.dialects.tfserving_models import NotExplained, metadata_of, status_of, version_of
from app.api.formats import JSON
from app.api.formats.json_rows import listed_rows, rows_by_column, spread_rows
from app.api.predictions import PREDICTION, predict_rows
from app.exceptions import InvalidInput, VersionNotFound, VersionNotLoaded
from app.middleware.draining import draining
from app.middleware.route_table import OPEN, PREDICT, Routes
from app.models.ml_models import model_manager
from app.models.prediction import Prediction
from app.models.serving.further_outputs import PREDICT as LABELS
from app.models.serving.overview import readiness
from app.models.serving.served_model import DEFAULT, ServedModel

bp = Blueprint("tfserving", __name__, url_prefix="/v1")

# The first has no variable, and so is answered by the quick dispatch.
PATHS = (
    f"/models/{DEFAULT}",
    "/models/<segment:name>",
    "/models/<segment:name>/versions/<segment:version>",
    "/models/<segment:name>/labels/<segment:label>",
)
DEFAULT_SIGNATURE = "serving_default"
MODEL: Mapping[str, Any] = {"errors": (404, *PREDICTION), "pins": True}


class Segment(BaseConverter):
    """A name that ends before the colon of ``:predict``."""

    regex = "[^/:]+"


@bp.record_once
def add_converter(state: Any) -> None:
    """Know `Segment` before the routes are added."""
    state.app.url_map.converters["segment"] = Segment


def at(
    suffix: str, method: str, paths: Sequence[str] = PATHS
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a view for ``paths``."""

    def add(view: Callable[..., Any]) -> Callable[..., Any]:
        for path in paths:
            bp.add_url_rule(f"{path}{suffix}", view_func=view, methods=[method])
        return view

    return add


@bp.get("/models")
@described(shapes.MODELS)
def models() -> dict[str, list[str]]:
    """KServe's list of models."""
    return {"models": [each["name"] for each in readiness(model_manager.registry) if each["ready"]]}


@at("", "GET", PATHS[:2])
@described(shapes.STATUS, errors=(404, 503))
def status(name: str = DEFAULT) -> ResponseReturnValue:
    """The probe of both protocols, with the members of both; 503 while the server drains."""
    if draining():
        return {"error": "The service is draining"}, 503
    return status_of(model_manager.registry[name], name, None)


@at("", "GET", PATHS[2:])
@described(shapes.STATUS, errors=(503,))
def one_status(name: str, version: str | None = None, label: str | None = None) -> dict[str, Any]:
    """The same of one version."""
    served_model = model_manager.registry[name]
    return status_of(served_model, name, version_of(served_model, version, label))


@at("/metadata", "GET")
@described(shapes.METADATA, errors=(404, 503))
def metadata(name: str = DEFAULT, version: str | None = None, label: str | None = None) -> dict[str, Any]:
    """Inputs and outputs of a version, by signature."""
    served_model = model_manager.registry[name]
    return metadata_of(served_model, name, version_of(served_model, version, label))


@at(":predict", "POST")
@described(shapes.PREDICTED, bodies={JSON: shapes.PREDICT_BODY}, **MODEL)
def predict(name: str = DEFAULT, version: str | None = None, label: str | None = None) -> Response:
    """Predict ``instances``, which are rows, or ``inputs``, which are columns."""
    served_model = model_manager.registry[name]
    signature = served_model.signature

    def decode(body: Any) -> Document:
        document = as_object(body)
        output = _output(document)
        if ("instances" in document) == ("inputs" in document):
            reason = "there must be either instances or inputs"
            raise InvalidInput([{"field": "instances", "reason": reason}])
        if "instances" in document:
            rows = spread_rows(document["instances"], signature, field="instances")
            return {"rows": rows, "field": "instances", "output": output}
        layout = rows_by_column if isinstance(document["inputs"], dict) else listed_rows
        rows = layout(document["inputs"], signature, field="inputs")
        return {"rows": rows, "field": "inputs", "output": output}

    body = load_document(decode, signature, tokens=True)
    prediction = _predicted(served_model, body, version_of(served_model, version, label))
    key = "predictions" if body["field"] == "instances" else "outputs"
    return answer_document({key: output_values(prediction, body["output"])}, prediction)


@at(":classify", "POST")
@described(shapes.RESULTS_ANSWER, bodies={JSON: shapes.CLASSIFY_BODY}, **MODEL)
def classify(name: str = DEFAULT, version: str | None = None, label: str | None = None) -> Response:
    """Labels and scores of each of ``examples``."""
    prediction = _examples_predicted(name, version, label)
    output = prediction.model.output
    if not output.classes or prediction.output.probabilities is None:
        raise InvalidInput([{"reason": "the model has no probabilities of classes: use :predict"}])
    labels = [str(each) for each in output.classes]
    scores = prediction.output.probabilities.tolist()
    return _results([list(zip(labels, row, strict=True)) for row in scores], prediction)


@at(":regress", "POST")
@described(shapes.RESULTS_ANSWER, bodies={JSON: shapes.REGRESS_BODY}, **MODEL)
def regress(name: str = DEFAULT, version: str | None = None, label: str | None = None) -> Response:
    """A number for each of ``examples``."""
    prediction = _examples_predicted(name, version, label)
    if prediction.model.output.task != "regression" or prediction.output.values.ndim > 1:
        raise InvalidInput([{"reason": "the model does not predict one number a row: use :predict"}])
    return _results(output_values(prediction, LABELS), prediction)


@at(":explain", "POST")
@described(NEVER, errors=(404,))
def explain(name: str = DEFAULT, version: str | None = None, label: str | None = None) -> Response:
    """There is no explainer."""
    raise NotExplained


def _examples_predicted(name: str, version: str | None, label: str | None) -> Prediction:
    served_model = model_manager.registry[name]
    signature = served_model.signature

    def decode(body: Any) -> Document:
        document = as_object(body)
        if document.get("signature_name", DEFAULT_SIGNATURE) not in shapes.VERBS:
            reason = f"must be {' or '.join(shapes.VERBS)}"
            raise InvalidInput([{"field": "signature_name", "reason": reason}])
        context, examples = member(document, "context", dict, "an object"), document.get("examples")
        if context and isinstance(examples, list):
            examples = [in_context(row, each, context) for row, each in enumerate(examples)]
        return {"rows": spread_rows(examples, signature, field="examples"), "field": "examples"}

    body = load_document(decode, signature, tokens=True)
    return _predicted(served_model, body, version_of(served_model, version, label))


def _results(values: Any, prediction: Prediction) -> Response:
    # The documentation says result, the server itself sends results:
    # https://github.com/tensorflow/serving/blob/master/tensorflow_serving/util/json_tensor_test.cc
    return answer_document({"result": values, "results": values}, prediction)


def _output(document: Document) -> str:
    name = document.get("signature_name", DEFAULT_SIGNATURE)
    return LABELS if name == DEFAULT_SIGNATURE else check_output(name, "signature_name")


def _predicted(served_model: ServedModel, body: Document, version: str | None) -> Prediction:
    outputs = (body["output"],) if body.get("output", LABELS) != LABELS else ()
    try:
        return predict_rows(served_model, body["rows"], field=body["field"], version=version, outputs=outputs)
    except VersionNotLoaded:
        raise VersionNotFound(str(version)) from None


def _routes(_: Mapping[str, Any]) -> list[Routes]:
    return [Routes(bp, PREDICT, "requests", {"status": (OPEN, "exempt")})]


DIALECT = Dialect(_routes, error_text, prefix="/v1")
