import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.ml_models import model_manager
from app.models.repository.traffic_split import parse
from app.models.serving import operations
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error_text, strict_json
from tests.estimators import (
    BOXES,
    PEOPLE,
    SizeClassifier,
    SumClassifier,
    SumRegressor,
    fitted,
)

MODEL = "/v1/models/default"
RECORD = {"height": 1, "width": 2, "depth": 3}
LARGE = {"height": 9, "width": 9, "depth": 9}


@pytest.fixture
def two_versions(serve):
    """A client of v1, which answers the sum, with v2, the doubled sum, as challenger."""
    client = serve(fitted(SumRegressor()), version="v1", OUTLIER_POLICY="off")
    with client.application.app_context():
        served_model = model_manager.served_model
        model_manager.save_model(fitted(SumRegressor(2.0)), sample=BOXES, version="v2", activate=False)
        model_manager.save_model(fitted(SumRegressor(3.0)), sample=BOXES, version="v3", activate=False)
        operations.route(served_model, parse({"mode": "canary", "challenger": "v2", "percent": 0}))
    return client


def predicted(client, document, path=f"{MODEL}:predict", **options):
    """The answer to a request that succeeds."""
    response = client.post(path, json=document, **options)
    assert response.status_code == 200, response.text
    return strict_json(response)


@pytest.mark.parametrize(
    "instances",
    [
        [[1, 2, 3], [9, 9, 9]],
        [RECORD, LARGE],
        [{name: RECORD[name] for name in ("depth", "height", "width")}, LARGE],
        [{name: [value] for name, value in row.items()} for row in (RECORD, LARGE)],
        [{"height": [1, 9], "width": [2, 9], "depth": [3, 9]}],
        [{"height": [1], "width": 2, "depth": 3}, LARGE],
    ],
    ids=["lists", "records", "another order", "lists of one", "lists of several", "a list beside values"],
)
@pytest.mark.parametrize("times", [1, 20], ids=["few", "many"])
def test_instances_of_any_layout_are_predicted_in_order(client, instances, times):
    answer = predicted(client, {"instances": instances * times})
    assert answer == {"predictions": [0, 1] * times}


@pytest.mark.parametrize(
    "inputs",
    [
        {"height": [1, 9], "width": [2, 9], "depth": [3, 9]},
        {"width": [[2], [9]], "height": [[1], [9]], "depth": [[3], [9]]},
        [[1, 2, 3], [9, 9, 9]],
    ],
    ids=["columns", "columns of lists", "matrix"],
)
def test_inputs_are_columns_or_a_matrix_and_answered_as_outputs(client, inputs):
    assert predicted(client, {"inputs": inputs}) == {"outputs": [0, 1]}


def test_many_columns_are_predicted_as_many_rows_are(people):
    table = PEOPLE.astype(object).where(PEOPLE.notna(), None)
    columns = predicted(people, {"inputs": table.to_dict("list")})["outputs"]
    rows = predicted(people, {"instances": table.to_dict("records")})["predictions"]
    lists = predicted(people, {"instances": table.to_numpy().tolist()})["predictions"]
    alone = [
        predicted(people, {"instances": [row]})["predictions"][0] for row in table.to_dict("records")[:4]
    ]
    assert columns == rows == lists
    assert rows[:4] == alone
    assert set(rows) == {"low", "high"}


def test_single_values_are_rows_of_a_model_of_one_column(serve):
    client = serve(SumRegressor().fit(BOXES[["height"]]), sample=BOXES[["height"]])
    assert predicted(client, {"instances": [1.0, 2, 5]}) == {"predictions": [1.0, 2.0, 5.0]}


def test_the_signature_chooses_the_output(client):
    document = {"instances": [[1, 2, 3]]}
    for name in ("serving_default", "predict"):
        assert predicted(client, document | {"signature_name": name}) == {"predictions": [0]}
    wanted = document | {"signature_name": "predict_proba"}
    assert predicted(client, wanted) == {"predictions": [[0.75, 0.25]]}
    wrong = client.post(f"{MODEL}:predict", json=document | {"signature_name": "score"})
    assert_error_text(wrong, 400, "signature_name", "predict_proba")
    missing = client.post(f"{MODEL}:predict", json=document | {"signature_name": "transform"})
    assert_error_text(missing, 400, "transform")


def test_body_is_read_as_json_whatever_its_type_says(client):
    body = json.dumps({"instances": [[1, 2, 3]]})
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "application/json; a=b", None):
        response = client.post(f"{MODEL}:predict", data=body, content_type=content_type)
        assert response.get_json() == {"predictions": [0]}


def test_tokens_of_javascript_are_read_and_never_written(people):
    row = '{"instances": [{"age": NaN, "city": "NaN, Athens"}, {"age": 30, "city": "Berlin"}]}'
    assert len(people.post(f"{MODEL}:predict", data=row).get_json()["predictions"]) == 2
    for token in ("Infinity", "-Infinity"):
        response = people.post(f"{MODEL}:predict", data=row.replace("NaN,", f"{token},", 1))
        assert_error_text(response, 400, "instances, row 0, column 'age'", "finite")


def test_nan_is_an_error_where_nothing_may_be_missing(client):
    response = client.post(f"{MODEL}:predict", data='{"instances": [[1, 2, 3], [1, NaN, 3]]}')
    assert_error_text(response, 400, "instances, row 1, column 'width'", "null")


@pytest.mark.parametrize("number", ["9007199254740993", "18446744073709551616"])
@pytest.mark.parametrize("times", [1, 30])
def test_whole_numbers_are_never_rounded(client, number, times):
    row = '{"height": 1, "width": ' + number + ', "depth": 3}'
    body = '{"instances": [' + ", ".join([row] * times) + "]}"
    assert_error_text(client.post(f"{MODEL}:predict", data=body), 400, "row 0, column 'width'", "2**53")


@pytest.mark.parametrize("bad", ["x", True, None, [1, 2], {}])
def test_the_one_wrong_row_of_many_is_named(client, bad):
    for rows in ([[1, 2, 3]] * 50, [RECORD] * 50):
        rows = [dict(row) if isinstance(row, dict) else list(row) for row in rows]
        rows[37]["width" if isinstance(rows[37], dict) else 1] = bad
        assert_error_text(
            client.post(f"{MODEL}:predict", json={"instances": rows}), 400, "row 37, column 'width'"
        )


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, ["instances"]),
        ({"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]}, ["either instances or inputs"]),
        ({"instances": {"height": [1]}}, ["instances", "must be a list"]),
        ({"instances": []}, ["1 to"]),
        ({"instances": [[1, 2]] * 20}, ["row 0", "2 values", "expects 3", "17 more"]),
        ({"instances": [RECORD | {"colour": 1}]}, ["row 0, column 'colour'", "unknown feature"]),
        ({"instances": [{"height": [1, 2], "width": [1], "depth": 3}]}, ["row 0", "different lengths"]),
        ({"instances": [{"height": [1, 2], "width": [1, 2], "depth": 3}]}, ["row 0", "a single value"]),
        ({"instances": [{"height": [1], "width": [2], "depth": [3]}, {}]}, ["row 1", "is empty"]),
        (
            {"instances": [{name: [1] for name in RECORD}, {name: [] for name in RECORD}]},
            ["row 1", "is empty"],
        ),
        ({"instances": [[1, 2, 3], RECORD, 4]}, ["row 2"]),
        ({"inputs": {}}, ["inputs"]),
        ({"inputs": {"height": [1], "width": [1, 2], "depth": [1]}}, ["inputs, column 'width'", "2 values"]),
        (
            {"inputs": {"height": 1, "width": [1], "depth": [1]}},
            ["inputs, column 'height'", "must be a list"],
        ),
        ({"inputs": 5}, ["inputs", "must be a list"]),
        ([[1, 2, 3]], ["must be an object"]),
        ("x", ["must be an object"]),
    ],
)
def test_wrong_document_is_a_400_that_says_where(client, document, words):
    assert_error_text(client.post(f"{MODEL}:predict", json=document), 400, *words)


def test_missing_and_malformed_bodies_are_400(client):
    assert_error_text(client.post(f"{MODEL}:predict"), 400, "No JSON data")
    assert_error_text(client.post(f"{MODEL}:predict", data="{"), 400, "line 1")


def test_rows_are_bounded(serve):
    client = serve(fitted(SumClassifier()), MAX_ROWS=3)
    assert_error_text(
        client.post(f"{MODEL}:predict", json={"instances": [[1, 2, 3]] * 4}), 400, "1 to 3 rows"
    )
    columns = [{name: [1] * 4 for name in RECORD}]
    assert_error_text(client.post(f"{MODEL}:predict", json={"instances": columns}), 400, "1 to 3 rows")


def test_classify_answers_labels_with_scores(serve):
    client = serve(fitted(SizeClassifier()))
    document = {"context": {"depth": 3}, "examples": [{"height": 1, "width": [2]}, {"height": 9, "width": 9}]}
    result = [[["large", 0.25], ["small", 0.75]], [["large", 0.75], ["small", 0.25]]]
    answer = predicted(client, document, f"{MODEL}:classify")
    assert answer == {"result": result, "results": result}
    assert_error_text(client.post(f"{MODEL}:regress", json=document), 400, ":predict")


def test_regress_answers_a_number_for_each_example(serve):
    client = serve(fitted(SumRegressor()))
    answer = predicted(
        client, {"examples": [RECORD], "signature_name": "tensorflow/serving/regress"}, f"{MODEL}:regress"
    )
    assert answer == {"result": [6.0], "results": [6.0]}
    assert_error_text(client.post(f"{MODEL}:classify", json={"examples": [RECORD]}), 400, ":predict")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"examples": RECORD}, ["examples", "must be a list"]),
        ({"examples": [1, RECORD], "context": {"depth": 3}}, ["examples, row 0", "an object"]),
        ({"examples": [RECORD], "context": {"depth": 3}}, ["examples, row 0, column 'depth'", "context"]),
        ({"examples": [RECORD], "context": []}, ["context", "an object"]),
        ({"examples": [RECORD], "signature_name": ["x"]}, ["signature_name"]),
        ({}, ["examples"]),
    ],
)
def test_wrong_examples_are_a_400_that_says_where(client, document, words):
    assert_error_text(client.post(f"{MODEL}:classify", json=document), 400, *words)


def test_a_path_names_the_version_or_its_label(two_versions):
    answers = {
        "": 6.0,
        "/versions/v1": 6.0,
        "/versions/v2": 12.0,
        "/labels/champion": 6.0,
        "/labels/stable": 6.0,
        "/labels/challenger": 12.0,
        "/labels/canary": 12.0,
    }
    for path, expected in answers.items():
        response = two_versions.post(f"{MODEL}{path}:predict", json={"instances": [RECORD]})
        assert response.get_json() == {"predictions": [expected]}
    assert response.headers["X-Model-Version"] == "v2"
    for path in ("/versions/v3", "/versions/v9", "/labels/latest"):
        assert_error_text(two_versions.post(f"{MODEL}{path}:predict", json={"instances": [RECORD]}), 404)
        assert_error_text(two_versions.get(f"{MODEL}{path}"), 404)
        assert_error_text(two_versions.get(f"{MODEL}{path}/metadata"), 404)


def test_no_challenger_has_no_label(client):
    for label in ("canary", "challenger"):
        response = client.post(f"{MODEL}/labels/{label}:predict", json={"instances": [RECORD]})
        assert_error_text(response, 404, label)


def test_status_has_the_members_of_both_protocols(two_versions):
    status = two_versions.get(MODEL).get_json()
    ok = {"error_code": "OK", "error_message": ""}
    versions = [{"version": name, "state": "AVAILABLE", "status": ok} for name in ("v1", "v2")]
    assert status == {"name": "default", "ready": True, "model_version_status": versions}
    one = two_versions.get(f"{MODEL}/labels/canary").get_json()
    assert one["model_version_status"] == versions[1:]
    assert two_versions.get("/v1/models").get_json() == {"models": ["default"]}


def test_metadata_has_the_columns_and_outputs_of_the_model(people):
    document = people.get(f"{MODEL}/metadata").get_json()
    signatures = document["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == {"serving_default", "predict", "predict_proba"}
    inputs = signatures["serving_default"]["inputs"]
    assert {name: tensor["dtype"] for name, tensor in inputs.items()} == {
        "age": "DT_DOUBLE",
        "city": "DT_STRING",
    }
    assert inputs["age"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
    assert signatures["serving_default"]["outputs"]["predict"]["dtype"] == "DT_STRING"
    (probabilities,) = signatures["predict_proba"]["outputs"].values()
    assert [dim["size"] for dim in probabilities["tensor_shape"]["dim"]] == ["-1", "2"]
    assert document["model_spec"]["name"] == "default"


def test_other_models_have_their_names(client):
    with client.application.app_context():
        model_manager.save_model(fitted(SumRegressor()), sample=BOXES, name="sums")
        model_manager.registry["sums"].load()
    assert predicted(client, {"instances": [RECORD]}, "/v1/models/sums:predict") == {"predictions": [6.0]}
    assert client.get("/v1/models").get_json() == {"models": ["default", "sums"]}
    for path in ("/v1/models/none", "/v1/models/none/metadata"):
        assert_error_text(client.get(path), 404, "none")
    assert_error_text(client.post("/v1/models/none:predict", json={"instances": [RECORD]}), 404, "none")


def test_addresses_and_methods_that_there_are_not_have_errors_of_this_dialect(client):
    assert_error_text(client.get("/v1/nothing"), 404)
    assert_error_text(client.get(f"{MODEL}:predict"), 405)
    assert_error_text(client.post(f"{MODEL}:train", json={}), 404)
    assert_error_text(client.post(f"{MODEL}:explain", json={"instances": [RECORD]}), 404, "explainer")


def test_without_a_model_everything_is_503(empty_app):
    client = empty_app.test_client()
    for path in (MODEL, f"{MODEL}/metadata"):
        assert_error_text(client.get(path), 503)
    assert_error_text(client.post(f"{MODEL}:predict", json={"instances": [RECORD]}), 503)
    assert_error_text(client.post(f"{MODEL}:classify", json={"examples": [RECORD]}), 503)
    assert client.get("/v1/models").get_json() == {"models": []}


def test_status_is_open_and_not_counted_and_predictions_need_a_key(serve):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1)
    assert [client.get(MODEL).status_code for _ in range(3)] == [200] * 3
    assert_error_text(client.post(f"{MODEL}:predict", json={"instances": [RECORD]}), 401)
    assert_error_text(client.get(f"{MODEL}/metadata"), 401)
    assert_error_text(client.get(f"{MODEL}/labels/champion"), 401)
    assert_error_text(client.get("/v1/models"), 401)
    codes = [
        client.post(f"{MODEL}:predict", json={"instances": [RECORD]}, headers=with_key(KEY)).status_code
        for _ in range(2)
    ]
    assert codes == [200, 429]


def test_dialect_that_is_off_has_no_routes(serve):
    client = serve(fitted(SumClassifier()), DIALECTS="native")
    assert client.post(f"{MODEL}:predict", json={"instances": [RECORD]}).status_code == 404
    assert client.get(MODEL).get_json()["error_type"] == "not_found"


def test_probe_fails_while_the_server_drains(client, monkeypatch):
    assert client.get(MODEL).status_code == 200
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert client.get(MODEL).status_code == 503


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*RECORD, "x"]), inner),
    max_leaves=12,
)
DOCUMENTS = JSON | st.dictionaries(
    st.sampled_from(["instances", "inputs", "signature_name", "examples", "context"]), JSON, max_size=3
)


@given(document=DOCUMENTS, verb=st.sampled_from(["predict", "classify", "regress"]))
def test_no_body_is_a_fault_of_the_service(people, document, verb):
    response = people.post(f"{MODEL}:{verb}", data=json.dumps(document))
    assert response.status_code in (200, 400)
    strict_json(response)


@given(
    cells=st.lists(JSON, min_size=20, max_size=30), layout=st.sampled_from(["lists", "records", "columns"])
)
def test_no_long_body_is_a_fault_of_the_service(people, cells, layout):
    documents = {
        "lists": {"instances": [[cell, "Athens"] for cell in cells]},
        "records": {"instances": [{"age": 3, "city": cell} for cell in cells]},
        "columns": {"inputs": {"age": cells, "city": cells}},
    }
    response = people.post(f"{MODEL}:predict", data=json.dumps(documents[layout]))
    assert response.status_code in (200, 400)
    strict_json(response)
