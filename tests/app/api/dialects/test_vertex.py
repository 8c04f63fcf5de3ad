import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import ConfigError
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error_text, strict_json
from tests.estimators import PEOPLE, SumClassifier, SumRegressor, fitted

HEALTH, PREDICT = "/health/ready", "/v1/endpoints/7/deployedModels/9:predict"
ROUTES = {"AIP_HEALTH_ROUTE": HEALTH, "AIP_PREDICT_ROUTE": PREDICT}
RECORD = {"height": 1, "width": 2, "depth": 3}
ROWS = [[1, 2, 3], [9, 9, 9]]


@pytest.fixture
def vertex(serve):
    """A client of an app in a container of Vertex AI."""
    return serve(fitted(SumClassifier()), **ROUTES)


@pytest.fixture(scope="module")
def people(tmp_path_factory, serve_model, model):
    """`people` in a container of Vertex AI."""
    return serve_model(tmp_path_factory.mktemp("models"), model, sample=PEOPLE, **ROUTES)


@pytest.mark.parametrize("instances", [ROWS, [RECORD, dict.fromkeys(RECORD, 9)], ROWS * 50])
def test_predictions_are_as_many_as_instances_and_in_their_order(vertex, instances):
    response = vertex.post(PREDICT, json={"instances": instances})
    assert strict_json(response) == {"predictions": [0, 1] * (len(instances) // 2)}
    assert response.headers["X-Model-Version"].startswith("SumClassifier")


def test_parameters_choose_what_a_prediction_is(vertex):
    def predictions(parameters):
        answer = vertex.post(PREDICT, json={"instances": ROWS, "parameters": parameters})
        return strict_json(answer)["predictions"]

    probabilities = [[0.75, 0.25], [0.25, 0.75]]
    assert predictions(None) == predictions({}) == predictions({"predict_method": "predict"}) == [0, 1]
    assert predictions({"confidence_threshold": 0.5}) == [0, 1]  # means nothing to the model
    assert predictions({"predict_method": "predict_proba"}) == probabilities
    both = [
        {"predict": label, "predict_proba": row} for label, row in zip([0, 1], probabilities, strict=True)
    ]
    assert predictions({"outputs": ["predict", "predict_proba"]}) == both
    assert predictions({"outputs": ["predict"]}) == [{"predict": 0}, {"predict": 1}]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, ["instances", "must be a list of rows, not null"]),
        ({"instances": RECORD}, ["instances", "must be a list"]),
        ({"instances": []}, ["1 to"]),
        ({"instances": [[1, 2, 3]] * 40 + [[1, 2, "x"]]}, ["instances, row 40, column 'depth'", "a string"]),
        ({"instances": ROWS, "parameters": []}, ["parameters", "an object"]),
        ({"instances": ROWS, "parameters": {"predict_method": "x"}}, ["parameters.predict_method"]),
        ({"instances": ROWS, "parameters": {"predict_method": {}}}, ["parameters.predict_method"]),
        ({"instances": ROWS, "parameters": {"outputs": []}}, ["parameters.outputs"]),
        ({"instances": ROWS, "parameters": {"outputs": ["x"]}}, ["parameters.outputs"]),
        ({"instances": ROWS, "parameters": {"outputs": "predict"}}, ["parameters.outputs"]),
        ({"instances": ROWS, "parameters": {"outputs": ["transform"]}}, ["transform"]),
    ],
)
def test_wrong_document_is_a_400_that_says_where(vertex, document, words):
    assert_error_text(vertex.post(PREDICT, json=document), 400, *words)


def test_parameters_of_the_media_type_are_tolerated(vertex):
    body = json.dumps({"instances": ROWS})
    for content_type in ("application/json; charset=UTF-8", "application/json;odata=verbose"):
        response = vertex.post(PREDICT, data=body, content_type=content_type)
        assert response.get_json() == {"predictions": [0, 1]}
    assert_error_text(vertex.post(PREDICT, data=body, content_type="text/csv"), 415)
    assert_error_text(vertex.post(PREDICT), 400)


def test_health_is_200_only_with_a_model(vertex, build_app):
    assert vertex.get(HEALTH).status_code == 200
    empty = build_app(**ROUTES, MODELS_DIR="/nonexistent/models")
    assert empty.test_client().get(HEALTH).status_code == 503
    assert_error_text(empty.test_client().post(PREDICT, json={"instances": ROWS}), 503)


def test_health_is_open_and_not_counted_and_predictions_need_a_key(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1, **ROUTES)
    assert [client.get(HEALTH).status_code for _ in range(3)] == [200] * 3
    assert_error_text(client.post(PREDICT, json={"instances": ROWS}), 401)
    answers = [client.post(PREDICT, json={"instances": ROWS}, headers=with_key(KEY)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_there_are_only_the_routes_that_are_set(serve):
    client = serve(fitted(SumRegressor()), AIP_PREDICT_ROUTE="/infer/")
    for path in ("/infer/", "/infer"):
        assert client.post(path, json={"instances": ROWS}).get_json() == {"predictions": [6.0, 27.0]}
    assert client.get(HEALTH).status_code == 404
    off = serve(fitted(SumRegressor()), DIALECTS="native", **ROUTES)
    assert (off.get(HEALTH).status_code, off.post(PREDICT, json={}).status_code) == (404, 404)


@pytest.mark.parametrize(
    ("variable", "route"),
    [
        ("AIP_PREDICT_ROUTE", "/invocations"),
        ("AIP_PREDICT_ROUTE", "/score"),
        ("AIP_PREDICT_ROUTE", "/v1/models/mine:predict"),
        ("AIP_HEALTH_ROUTE", "/metrics"),
        ("AIP_HEALTH_ROUTE", "/api/models/v1"),
    ],
)
def test_route_of_another_stops_the_start(build_app, variable, route):
    with pytest.raises(ConfigError, match=f"{variable}='{route}'"):
        build_app(**{variable: route}, DIALECTS="vertex,native,mlflow,azure,tfserving")


@pytest.mark.parametrize("dialects", ["vertex", "vertex,native,v2,azure"])
def test_health_may_be_asked_at_the_root_as_everybody_may(serve, build_app, dialects):
    variables = {"AIP_HEALTH_ROUTE": "/", "AIP_PREDICT_ROUTE": PREDICT, "DIALECTS": dialects}
    client = serve(fitted(SumClassifier()), **variables)
    assert client.get("/").status_code == 200
    assert client.post(PREDICT, json={"instances": ROWS}).get_json() == {"predictions": [0, 1]}
    empty = build_app(**variables, MODELS_DIR="/nonexistent/models").test_client()
    assert [empty.get("/").status_code, empty.get("/", headers={"Accept": "*/*"}).status_code] == [503, 503]


def test_one_address_may_have_both_routes(serve):
    client = serve(fitted(SumClassifier()), AIP_HEALTH_ROUTE="/vertex", AIP_PREDICT_ROUTE="/vertex")
    assert client.get("/vertex").status_code == 200
    assert client.post("/vertex", json={"instances": ROWS}).get_json() == {"predictions": [0, 1]}


def test_probe_fails_while_the_server_drains(vertex, monkeypatch):
    assert vertex.get(HEALTH).status_code == 200
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert vertex.get(HEALTH).status_code == 503


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["age", "city", "outputs", "predict_method"]), inner)
    ),
    max_leaves=12,
)


@given(document=JSON | st.dictionaries(st.sampled_from(["instances", "parameters"]), JSON))
def test_no_body_is_a_fault_of_the_service(people, document):
    response = people.post(PREDICT, data=json.dumps(document), content_type="application/json")
    assert response.status_code in (200, 400)
    strict_json(response)
