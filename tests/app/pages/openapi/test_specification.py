"""The document agrees with the routes, the schemas and the loaded model, and is valid."""

import re

import pytest
from flask import Blueprint
from openapi_spec_validator import validate
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler

from app import create_app
from app.api.description import ATTRIBUTE, Description
from app.middleware.route_table import PREDICT, Routes
from app.models.ml_models import model_manager
from app.pages.openapi.specification import Specification
from config import DIALECTS
from tests.app.middleware.auth.credentials import KEY
from tests.conftest import configuration
from tests.dialects.models import MODELS
from tests.estimators import BOXES, SumClassifier, SumRegressor, fitted

VERTEX = {"AIP_HEALTH_ROUTE": "/vertex/health", "AIP_PREDICT_ROUTE": "/vertex/predict"}
OTHERS = {
    "outliers": lambda: IsolationForest(n_estimators=3, random_state=0).fit(BOXES.to_numpy()),
    "clusters": lambda: KMeans(2, n_init=1, random_state=0).fit(BOXES.to_numpy()),
    "transformer": lambda: StandardScaler().fit(BOXES.to_numpy()),
}


def document(app, name="default"):
    """The document of what an app serves."""
    with app.app_context():
        served_model = model_manager.registry[name]
        return Specification(app, name, served_model.model if served_model.loaded else None).document()


def routes_of(app):
    """Methods and paths of the URL map."""
    return {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def routes_in(found):
    return {(method.upper(), path) for path, item in found["paths"].items() for method in item}


def component(found, name):
    return found["components"]["schemas"][name]


@pytest.fixture(scope="module")
def served(tmp_path_factory, serve_model):
    """From a model's name to an app that serves it."""
    known = {}

    def served(name):
        if name not in known:
            folder = tmp_path_factory.mktemp("models")
            if name in MODELS:
                brought = MODELS[name]()
                client = serve_model(folder, brought.model, sample=brought.sample, **VERTEX)
            else:
                client = serve_model(folder, OTHERS[name](), sample=BOXES, **VERTEX)
            known[name] = client.application
        return known[name]

    return served


@pytest.mark.parametrize("name", [*MODELS, *OTHERS])
def test_document_is_valid_and_has_the_routes_of_the_app(served, name):
    app = served(name)
    found = document(app)
    validate(found)
    assert found["openapi"].startswith("3.1")
    assert routes_in(found) == routes_of(app)


@pytest.mark.parametrize("dialects", ["", *DIALECTS, ",".join(DIALECTS)])
def test_document_without_a_model_has_the_dialects_that_are_on(tmp_path, dialects):
    app = create_app(configuration(tmp_path, DIALECTS=dialects, **VERTEX))
    found = document(app)
    validate(found)
    assert routes_in(found) == routes_of(app)


def test_operations_have_names_of_their_own(served):
    ids = [
        item["operationId"] for path in document(served("wine"))["paths"].values() for item in path.values()
    ]
    assert len(ids) == len(set(ids))


def test_every_view_of_the_service_is_described(tmp_path):
    app = create_app(configuration(tmp_path, **VERTEX))
    views = app.view_functions.items()
    assert [name for name, view in views if not isinstance(getattr(view, ATTRIBUTE, None), Description)] == []


def test_routes_that_an_app_adds_are_in_its_document_without_a_description(tmp_path):
    bp = Blueprint("added", __name__)
    bp.add_url_rule("/added/<name>", "view", view_func=lambda name: {})
    found = document(create_app(configuration(tmp_path), blueprints=[Routes(bp, PREDICT, "requests")]))
    validate(found)
    assert "200" in found["paths"]["/added/{name}"]["get"]["responses"]


def test_categories_bind_only_where_no_other_is_taken(served):
    closed = component(document(served("labels")), "RowObject")["properties"]["city"]
    assert closed["enum"] == ["Athens", "Berlin", "Cairo, old"]
    open_column = component(document(served("missing values")), "RowObject")["properties"]["city"]
    assert open_column["anyOf"] == [{"type": "string"}, {"type": "null"}]
    assert {"Athens", "Berlin", "Cairo, old"} <= set(open_column["examples"])


def test_ranges_of_the_training_data_are_told_and_do_not_bind(serve):
    column = component(document(serve(fitted(SumClassifier())).application), "RowObject")["properties"][
        "width"
    ]
    assert column["x-training-range"] == [0, 10]
    assert column["description"] == "0 to 10 in the training data"
    assert not column.keys() & {"minimum", "maximum"}


def test_ranges_bind_where_outliers_are_rejected(serve):
    app = serve(fitted(SumClassifier()), OUTLIER_POLICY="reject").application
    column = component(document(app), "RowObject")["properties"]["width"]
    assert (column["minimum"], column["maximum"]) == (-5, 15)


def test_columns_have_the_types_that_the_service_takes(served):
    truths = component(document(served("booleans")), "RowObject")["properties"]
    assert truths["tall"]["anyOf"] == [{"type": "boolean"}, {"type": "integer", "enum": [0, 1]}]
    assert component(document(served("texts")), "RowObject")["properties"]["review"]["type"] == "string"
    date = component(document(served("dates")), "RowObject")["properties"]["since"]
    pattern = re.compile(date["pattern"])
    good = ("2024-02-29T08:30:00", "2023-12-31")
    bad = ("2023-02-29", "2024-04-31", "2024-13-01", "now", "2024-02-29T08:30:00Z", "2024-01-01T24:00:00")
    assert all(map(pattern.search, good))
    assert not any(map(pattern.search, bad))


def test_row_is_a_list_in_training_order_or_an_object_and_the_example_is_of_the_training_data(serve):
    found = document(serve(fitted(SumClassifier())).application)
    assert [each["title"] for each in component(found, "RowList")["prefixItems"]] == [
        "height",
        "width",
        "depth",
    ]
    assert component(found, "RowObject")["required"] == ["height", "width", "depth"]
    body = found["paths"]["/api/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert body["example"] == {"features": {"height": 0.0, "width": 0.0, "depth": 0.0}}
    assert found["components"]["schemas"]["Predict"]["properties"].keys() >= {"features", "request_id"}


def test_answer_has_the_classes_of_the_model(serve):
    result = component(document(serve(fitted(SumClassifier())).application), "Result")["properties"]
    assert result["prediction"] == {"type": "integer", "enum": [0, 1]}
    assert result["probabilities"]["required"] == ["class_0", "class_1"]
    numbers = component(document(serve(fitted(SumRegressor())).application), "Result")["properties"]
    assert numbers["prediction"] == {"type": "number"}
    assert "probabilities" not in numbers


def test_scopes_stand_at_each_route_and_nowhere_where_everybody_is_served(build_app):
    token = {"JWT_SECRET": "s3cret-of-thirty-two-characters!", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}
    found = document(build_app(API_KEY_1=KEY, **token))
    assert set(found["components"]["securitySchemes"]) == {"ApiKey", "Token"}
    paths = found["paths"]
    assert paths["/api/predict"]["post"]["security"] == [{"ApiKey": ["predict"]}, {"Token": ["predict"]}]
    assert paths["/api/models"]["get"]["security"] == [{"ApiKey": ["admin"]}, {"Token": ["admin"]}]
    assert paths["/api/health"]["get"]["security"] == []
    assert "401" not in paths["/api/health"]["get"]["responses"]
    open_app = document(build_app())
    assert "securitySchemes" not in open_app["components"]
    assert open_app["paths"]["/api/predict"]["post"]["security"] == []


def test_errors_have_the_shape_of_their_protocol(served):
    found = document(served("wine"))

    def members(path, method="post", status="400"):
        name = found["paths"][path][method]["responses"][status]["$ref"].rpartition("/")[2]
        schema = found["components"]["responses"][name]["content"]["application/json"]["schema"]
        schemas = schema.get("anyOf", [schema])
        return [list(each["properties"]) if "properties" in each else each["$ref"] for each in schemas]

    native = "#/components/schemas/ErrorAnswer"
    assert members("/api/predict") == [native]
    assert members("/v2/models/{name}/infer") == [["error"]]
    assert members("/v1/models/{name}:predict") == [["error"]]
    assert members("/score") == [["message"]]
    assert members("/vertex/predict") == [["error"]]
    both = ["error_code", "message", "error", "error_type", "details", "request_id"]
    assert members("/invocations") == [both, ["error_code", "message"], native]
