import json
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.dialects.azure_swagger import example_row
from app.models.schema.signature import Feature, InputSignature
from app.models.schema.validation import validate_rows
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error_text, strict_json
from tests.estimators import SumClassifier, fitted

RECORD = {"height": 1, "width": 2, "depth": 3}
SPLIT = {"columns": ["depth", "height", "width"], "index": [0, 1], "data": [[3, 1, 2], [9, 9, 9]]}
ROWS = [[1, 2, 3], [9, 9, 9]]


assert_told = partial(assert_error_text, member="message")


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"data": ROWS}, {"result": [0, 1]}),
        ({"data": [RECORD]}, {"result": [0]}),
        ({"data": SPLIT}, {"result": [0, 1]}),
        ({"data": [RECORD], "method": "predict_proba"}, {"result": [[0.75, 0.25]]}),
        ({"input_data": SPLIT}, [0, 1]),
        ({"input_data": {"index": [0, 1], "data": ROWS}}, [0, 1]),
        ({"input_data": {"height": [1, 9], "width": [2, 9], "depth": [3, 9]}}, [0, 1]),
        ({"input_data": ROWS}, [0, 1]),
        ({"Inputs": {"data": ROWS}, "GlobalParameters": {"method": "predict"}}, {"Results": [0, 1]}),
        ({"Inputs": {"input1": [RECORD]}, "GlobalParameters": 1.0}, {"Results": [0]}),
        (
            {"Inputs": {"data": ROWS[:1]}, "GlobalParameters": {"method": "predict_proba"}},
            {"Results": [[0.75, 0.25]]},
        ),
    ],
)
def test_each_member_of_rows_has_the_answer_of_its_clients(client, document, answer):
    response = client.post("/score", json=document)
    assert (response.status_code, strict_json(response)) == (200, answer)


@pytest.mark.parametrize("times", [1, 20])
def test_split_rows_of_a_model_of_labels_are_in_order(people, times):
    rows = [["Athens", 20], ["Berlin", 30], ["Cairo", None]] * times
    document = {"input_data": {"columns": ["city", "age"], "data": rows}}
    split = people.post("/score", json=document).get_json()
    records = people.post("/score", json={"input_data": [{"city": c, "age": a} for c, a in rows]})
    assert split == records.get_json() == ["low", "high", "low"] * times


def test_the_query_may_hold_the_rows(client):
    response = client.get("/score", query_string={"data": "[[1, 2, 3], [9, 9, 9]]"})
    assert response.get_json() == {"result": [0, 1]}
    chosen = {"input_data": json.dumps([RECORD]), "ignored": "x y"}
    assert client.get("/score", query_string=chosen).get_json() == [0]
    assert_told(client.get("/score"), 400, "data, input_data, Inputs")
    assert_told(client.get("/score", query_string={"data": "[[1, 2"}), 400, "data", "must be a list")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, ["one of data, input_data, Inputs"]),
        ({"data": ROWS, "input_data": ROWS}, ["one of data, input_data, Inputs"]),
        ({"data": 5}, ["data", "must be a list"]),
        ({"data": []}, ["1 to"]),
        ({"data": [[1, 2, 3]] * 30 + [[1, "x", 3]]}, ["data, row 30, column 'width'", "a string"]),
        ({"data": ROWS, "method": "guess"}, ["method", "predict_proba"]),
        ({"data": ROWS, "method": ["predict"]}, ["method"]),
        ({"input_data": SPLIT | {"data": [[1, 2, 3], [1, 2]]}}, ["input_data.data, row 1", "3 values"]),
        ({"input_data": SPLIT | {"columns": ["depth", "height", "height"]}}, ["input_data.columns"]),
        ({"input_data": SPLIT | {"columns": ["depth", "height", "x"]}}, ["column 'x'", "unknown feature"]),
        ({"input_data": SPLIT | {"columns": 5}}, ["input_data.columns"]),
        ({"input_data": {"columns": ["depth"], "data": 5}}, ["input_data.data", "must be a list"]),
        ({"Inputs": ROWS}, ["Inputs", "an object"]),
        ({"Inputs": {}}, ["Inputs", "one input, not 0"]),
        ({"Inputs": {"a": ROWS, "b": ROWS}}, ["Inputs", "one input, not 2"]),
        ({"Inputs": {"a": [[1, 2, None]]}}, ["Inputs.a, row 0, column 'depth'"]),
        (ROWS, ["must be an object"]),
    ],
)
def test_wrong_document_is_a_400_that_says_where(client, document, words):
    assert_told(client.post("/score", json=document), 400, *words)


def test_body_is_read_as_json_whatever_its_type_says(client):
    response = client.post("/score", data='{"data": [[1, 2, 3]]}')
    assert response.get_json() == {"result": [0]}
    assert_told(client.post("/score", data="{"), 400, "line 1")
    assert_told(client.post("/score"), 400, "No JSON data")


def test_ids_of_the_request_are_echoed(client):
    def ids(**headers):
        answer = client.post(
            "/score",
            json={"data": ROWS},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        return answer.headers.get("x-ms-client-request-id"), answer.headers["x-ms-request-id"]

    assert ids(x_ms_client_request_id="a") == ("a", "a")
    assert ids(x_ms_request_id="b") == ("b", "b")
    assert ids(x_ms_client_request_id="a", x_ms_request_id="b") == ("a", "b")
    assert ids(x_request_id="c") == (None, "c")
    assert ids(x_request_id="c", x_ms_client_request_id="<script>") == (None, "c")


def test_only_a_fault_of_the_model_is_marked_as_one(client, monkeypatch):
    wrong = client.post("/score", json={"data": [["x", 1, 2]]})
    assert (wrong.status_code, wrong.headers["x-ms-run-function-failed"]) == (400, "False")

    def broken(self, rows):
        raise RuntimeError

    monkeypatch.setattr(SumClassifier, "predict", broken)
    monkeypatch.setattr(SumClassifier, "predict_proba", broken)
    failed = client.post("/score", json={"data": ROWS})
    assert (failed.status_code, failed.headers["x-ms-run-function-failed"]) == (500, "True")
    assert_told(failed, 500)


@pytest.mark.parametrize("version", ["2", "2.0", "3", "3.0"])
def test_description_has_the_columns_and_a_row_that_is_predicted(people, version):
    document = people.get(f"/swagger.json?version={version}").get_json()
    assert document.get("swagger", document.get("openapi"))[0] == version[0]
    schemas = document["definitions"] if version[0] == "2" else document["components"]["schemas"]
    row = schemas["ServiceInput"]["properties"]["data"]["items"]
    assert row["required"] == ["age", "city"]
    assert {name: schema["type"] for name, schema in row["properties"].items()} == {
        "age": "number",
        "city": "string",
    }
    assert row["properties"]["age"]["x-nullable" if version[0] == "2" else "nullable"] is True
    labels = schemas["ServiceOutput"]["properties"]["result"]["items"]
    assert labels == {"type": "string", "enum": ["high", "low"]}
    assert document["paths"]["/score"]["post"]["operationId"] == "RunMLService"
    references = {each for each in json.dumps(document).split('"') if each.startswith("#/")}
    assert {each.rpartition("/")[2] for each in references} == set(schemas)
    answer = people.post("/score", json=schemas["ServiceInput"]["example"])
    assert answer.get_json()["result"][0] in ("high", "low")


@pytest.mark.parametrize(
    "feature",
    [
        Feature("x", "number", statistics={"quantiles": {"0.5": 2.5}}),
        Feature("x", "number", statistics={"quantiles": {"0.5": 2.5}}, whole=True),
        Feature("x", "number"),
        Feature("x", "boolean"),
        Feature("x", "category", categories=(3, 4), open=False),
        Feature("x", "text"),
        Feature("x", "date", dtype="datetime64[ns]"),
        Feature("x", "date", dtype="datetime64[us, Europe/Berlin]"),
        Feature("x", "date", dtype="datetime64[D]"),
        Feature("x", "date", dtype="object[date]"),
    ],
    ids=lambda feature: f"{feature.kind} {feature.dtype}",
)
def test_example_is_a_row_that_a_model_takes_whatever_its_columns(feature):
    signature = InputSignature((feature,), "frame")
    row = example_row(SimpleNamespace(signature=signature))
    assert len(validate_rows([row], signature)) == 1


def test_description_is_swagger_2_unless_asked(people):
    assert people.get("/swagger.json").get_json()["swagger"] == "2.0"
    assert_told(people.get("/swagger.json?version=4"), 404, "'4'", "2, 2.0, 3, 3.0")


def test_without_a_model_everything_is_503(empty_app):
    client = empty_app.test_client()
    assert_told(client.post("/score", json={"data": ROWS}), 503)
    assert_told(client.get("/swagger.json"), 503)


def test_scores_need_a_key(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1)
    assert_told(client.post("/score", json={"data": ROWS}), 401)
    assert_told(client.get("/swagger.json"), 401)
    answers = [client.post("/score", json={"data": ROWS}, headers=with_key(KEY)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_dialect_that_is_off_has_no_routes(serve):
    client = serve(fitted(SumClassifier()), DIALECTS="native")
    assert [client.get(path).status_code for path in ("/score", "/swagger.json")] == [404] * 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["age", "city", "columns", "data", "index"]), inner)
    ),
    max_leaves=12,
)
MEMBERS = st.sampled_from(["data", "input_data", "Inputs", "GlobalParameters", "method"])


@given(document=JSON | st.dictionaries(MEMBERS, JSON, max_size=3))
def test_no_body_is_a_fault_of_the_service(people, document):
    response = people.post("/score", data=json.dumps(document))
    assert response.status_code in (200, 400)
    strict_json(response)


@given(query=st.dictionaries(MEMBERS, st.text(max_size=8)))
def test_no_query_is_a_fault_of_the_service(people, query):
    assert people.get("/score", query_string=query).status_code in (200, 400)
