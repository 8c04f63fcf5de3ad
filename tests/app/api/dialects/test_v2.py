"""The Open Inference Protocol: inference requests in JSON, and their answers."""

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier

from tests.app.api.dialects.v2 import INFER, column, infer, matrix, outputs
from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import assert_error_text
from tests.estimators import BOXES, NAMES, SizeClassifier, SumClassifier, SumRegressor, fitted

SMALL_AND_LARGE = [[1, 2, 3], [7, 8, 9]]


@pytest.fixture(scope="module")
def sums(tmp_path_factory, serve_model):
    return serve_model(tmp_path_factory.mktemp("models"), fitted(SumClassifier()), sample=BOXES)


def test_the_default_output_is_predict_with_one_column(sums):
    document = infer(sums, matrix(SMALL_AND_LARGE), id="42").get_json()
    assert document == {
        "model_name": "default",
        "model_version": document["model_version"],
        "id": "42",
        "outputs": [{"name": "predict", "shape": [2, 1], "datatype": "INT64", "data": [0, 1]}],
    }


def test_an_answer_has_an_id_only_if_the_request_had_one(sums):
    assert "id" not in infer(sums, matrix(SMALL_AND_LARGE)).get_json()


def test_outputs_are_those_that_are_named_in_their_order(sums):
    found = infer(sums, matrix(SMALL_AND_LARGE), outputs=[{"name": "predict_proba"}, {"name": "predict"}])
    assert found.get_json()["outputs"] == [
        {"name": "predict_proba", "shape": [2, 2], "datatype": "FP64", "data": [0.75, 0.25, 0.25, 0.75]},
        {"name": "predict", "shape": [2, 1], "datatype": "INT64", "data": [0, 1]},
    ]


def test_texts_are_bytes_and_numbers_floats(serve):
    (found,) = outputs(infer(serve(fitted(SizeClassifier())), matrix(SMALL_AND_LARGE)))
    assert (found["datatype"], found["data"]) == ("BYTES", ["small", "large"])
    (found,) = outputs(infer(serve(fitted(SumRegressor(0.5))), matrix(SMALL_AND_LARGE)))
    assert (found["datatype"], found["shape"], found["data"]) == ("FP64", [2, 1], [3.0, 12.0])


def test_truth_values_are_booleans(serve):
    model = LogisticRegression().fit(BOXES.to_numpy(), [False, True] * 10)
    (found,) = outputs(infer(serve(model), matrix(SMALL_AND_LARGE)))
    assert (found["datatype"], found["data"]) == ("BOOL", [False, True])


def test_further_outputs_are_asked_of_the_model(serve):
    model = SGDClassifier(random_state=0).fit(BOXES.to_numpy(), [0, 1] * 10)
    client = serve(model)
    (found,) = outputs(infer(client, matrix(SMALL_AND_LARGE), outputs=[{"name": "decision_function"}]))
    assert found["shape"] == [2, 1]
    assert found["data"] == pytest.approx(model.decision_function(SMALL_AND_LARGE))
    answer = infer(client, matrix(SMALL_AND_LARGE), outputs=[{"name": "predict_proba"}])
    assert assert_error_text(answer, 400) == "Validation failed: outputs: the model has no predict_proba"


def test_an_unknown_output_is_named(sums):
    answer = infer(sums, matrix(SMALL_AND_LARGE), outputs=[{"name": "output-7"}])
    assert "outputs: must be some of predict, predict_proba" in assert_error_text(answer, 400)
    assert "not 'output-7'" in assert_error_text(answer, 400)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "UINT16", "INT32", "UINT64", "INT64"])
def test_a_matrix_is_nested_or_flat_in_any_datatype_of_numbers(sums, nested, datatype):
    answer = infer(sums, matrix(SMALL_AND_LARGE, datatype=datatype, nested=nested))
    assert outputs(answer)[0]["data"] == [0, 1]


@pytest.mark.parametrize("parameters", [{"content_type": "pd"}, None, {}])
@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_columns_go_by_name_in_any_order(sums, shape, parameters):
    columns = [column(name, "FP64", [1, 9], shape=shape) for name in reversed(NAMES)]
    assert outputs(infer(sums, *columns, parameters=parameters))[0]["data"] == [0, 1]


def test_members_that_are_null_are_absent(sums):
    tensor = matrix(SMALL_AND_LARGE) | {"parameters": None}
    answer = infer(sums, tensor, id=None, parameters=None, outputs=None)
    assert "id" not in answer.get_json()
    output = {"name": "predict", "parameters": None, "shape": None, "data": None}
    assert outputs(infer(sums, tensor, outputs=[output]))[0]["data"] == [0, 1]


def test_labels_are_strings_and_missing_values_null(people):
    age, city = column("age", "FP64", [20, None, 40.5]), column("city", "BYTES", ["Athens", "Berlin", "Rome"])
    answer = infer(people, age, city)
    native = people.post(
        "/api/predict/batch", json={"samples": [[20, "Athens"], [None, "Berlin"], [40.5, "Rome"]]}
    )
    labels = [result["prediction"] for result in native.get_json()["results"]]
    assert outputs(answer)[0] == {"name": "predict", "shape": [3, 1], "datatype": "BYTES", "data": labels}
    whole = infer(people, column("age", "INT64", [20, None, 40]), city)
    assert outputs(whole)[0]["data"][:2] == labels[:2]


def test_a_bare_nan_of_tritons_client_is_a_missing_value(people):
    age, city = (
        column("age", "FP64", [20, float("nan"), 40.5]),
        column("city", "BYTES", ["Athens", "Rome", "NaN"]),
    )
    body = json.dumps({"inputs": [age, city]})
    assert "NaN," in body
    missing = column("age", "FP64", [20, None, 40.5])
    expected = outputs(infer(people, missing, city))
    assert outputs(people.post(INFER, data=body, content_type="application/json")) == expected
    infinite = people.post(INFER, data=body.replace("NaN,", "Infinity,"), content_type="application/json")
    assert_error_text(infinite, 400, "row 1, column 'age': must be a finite number")


def test_a_short_float_is_what_its_datatype_holds(serve):
    (found,) = outputs(infer(serve(fitted(SumRegressor())), matrix([[0.1, 0, 0]], datatype="FP32")))
    assert found["data"] == [float(np.float32(0.1))]


def test_whole_numbers_that_float64_does_not_hold_are_refused_by_row_and_column(sums):
    reason = "integers beyond 2**53 cannot be represented exactly"
    text = assert_error_text(infer(sums, matrix([[1, 2, 3], [4, 5, 2**53 + 1]], datatype="UINT64")), 400)
    assert text == f"Validation failed: inputs, row 1, column 'depth': {reason}"
    columns = [column(name, "INT64", [1, -(2**53) - 1]) for name in NAMES]
    assert f"row 1, column 'height': {reason}" in assert_error_text(infer(sums, *columns), 400)
    assert "must be a whole number of INT64" in assert_error_text(raw_infer(sums, 2**64), 400)
    assert "must be a whole number of INT64" in assert_error_text(raw_infer(sums, -(2**63) - 1), 400)


def raw_infer(client, number):
    body = f'{{"inputs":[{{"name":"x","shape":[1,3],"datatype":"INT64","data":[1,2,{number}]}}]}}'
    return client.post(INFER, data=body)


WRONG = {
    "no inputs": ({}, "inputs: must be a list of one tensor or more"),
    "an input that is none": ({"inputs": [3]}, "inputs[0]: must be an object, not a number"),
    "no name": ({"inputs": [matrix([[1]]) | {"name": None}]}, "inputs[0].name: must be a string"),
    "a datatype": ({"inputs": [matrix([[1]], datatype="STRING")]}, "inputs[0].datatype: must be"),
    "a shape": ({"inputs": [matrix([[1]]) | {"shape": [1, 2, 3]}]}, "must be [rows] or [rows, columns]"),
    "a negative shape": ({"inputs": [matrix([[1]]) | {"shape": [-1, 3]}]}, "Must hold 1 to 100000 rows"),
    "too many rows": ({"inputs": [matrix([[1]]) | {"shape": [10**9, 3]}]}, "Must hold 1 to 100000 rows"),
    "no columns": ({"inputs": [matrix([[1]]) | {"shape": [1, 0]}]}, "must have one column or more"),
    "too few elements": (
        {"inputs": [matrix([[1, 2]]) | {"shape": [1, 3]}]},
        "inputs[0] 'x': its shape has 3 elements, its data 2",
    ),
    "another nesting": (
        {"inputs": [matrix([[1, 2, 3]], nested=True) | {"shape": [3, 1]}]},
        "its data are not 3 lists of 1, its shape",
    ),
    "deeper nesting": ({"inputs": [matrix([[[1], [2], [3]]], nested=True)]}, "must be a number, not a list"),
    "ragged data": ({"inputs": [matrix([[1, 2, 3], [4]], nested=True)]}, "its data are not 2 lists of 3"),
    "data of another kind": ({"inputs": [matrix([[1, 2, 3]]) | {"data": "x"}]}, "must be a list"),
    "too few columns": ({"inputs": [matrix([[1, 2]])]}, "inputs: has 2 columns, the model expects 3"),
    "a numeric string": (
        {"inputs": [matrix([[1, 2, 3], [1, 2, "3"]])]},
        "inputs[0], row 1, column 2: must be a number, not a string",
    ),
    "a truth value": ({"inputs": [matrix([[1, True, 3]])]}, "row 0, column 1: must be a number, not a bool"),
    "a missing number": ({"inputs": [matrix([[1, None, 3]])]}, "row 0, column 'width': must be a number"),
    "an infinite half": ({"inputs": [matrix([[1, 70000, 3]], datatype="FP16")]}, "must be a finite number"),
    "a wide number": (
        {"inputs": [matrix([[1, 300, 3]], datatype="UINT8")]},
        "row 0, column 1: must be a whole number of UINT8",
    ),
    "a fraction": ({"inputs": [matrix([[1, 2.5, 3]], datatype="INT64")]}, "must be a whole number of INT64"),
    "no truth value": ({"inputs": [column("x", "BOOL", [2])]}, "must be true or false, not another number"),
    "booleans for numbers": ({"inputs": [matrix([[1, 0, 1]], datatype="BOOL")]}, "must be a number, not a"),
    "texts for numbers": ({"inputs": [matrix([["1", "0", "1"]], datatype="BYTES")]}, "must be a number, not"),
    "numbers for texts": ({"inputs": [column("x", "BYTES", [2])]}, "column 'x': must be a string"),
    "lengths": (
        {"inputs": [column("height", "FP64", [1, 2]), column("width", "FP64", [1])]},
        "inputs[1] 'width': has 1 rows, 'height' has 2",
    ),
    "a matrix among columns": (
        {"inputs": [column("height", "FP64", [1, 2]), matrix(SMALL_AND_LARGE)]},
        "inputs[1] 'x': must have the shape [rows] or [rows, 1]",
    ),
    "an unknown column": (
        {"inputs": [column(name, "FP64", [1]) for name in ("height", "widht", "depth")]},
        "inputs, column 'widht': unknown feature; did you mean 'width'?",
    ),
    "a column twice": ({"inputs": [column(n, "FP64", [1]) for n in (*NAMES, "width")]}, "two columns of one"),
    "an id": ({"inputs": [matrix([[1, 2, 3]])], "id": 7}, "id: must be a string, not a number"),
    "parameters": ({"inputs": [matrix([[1, 2, 3]])], "parameters": []}, "parameters: must be an object"),
    "outputs": ({"inputs": [matrix([[1, 2, 3]])], "outputs": {}}, "outputs: must be a list, not an object"),
    "an output": ({"inputs": [matrix([[1, 2, 3]])], "outputs": ["predict"]}, "outputs[0]: must be an object"),
    "an output's name": ({"inputs": [matrix([[1, 2, 3]])], "outputs": [{}]}, "outputs[0].name: is missing"),
    "base64": (
        {"inputs": [column("x", "BYTES", ["eA=="]) | {"parameters": {"content_type": "base64"}}]},
        "the content_type base64 is not known here",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(sums, case):
    body, expected = WRONG[case]
    assert expected in assert_error_text(sums.post(INFER, json=body), 400)


def test_one_bad_row_of_many_is_named_by_row_and_column(sums):
    rows = np.ones((10_000, 3))
    rows[7_777, 1] = np.inf
    text = assert_error_text(infer(sums, matrix(rows.tolist()) | {"data": _with_null(rows)}), 400)
    assert text == "Validation failed: inputs, row 7777, column 'width': must be a number, not null"


def _with_null(rows):
    return [None if not np.isfinite(cell) else cell for cell in rows.ravel().tolist()]


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"inputs":', b'{"inputs": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(sums, body):
    assert_error_text(sums.post(INFER, data=body, content_type="application/json"), 400)


def test_the_type_of_a_body_does_not_matter_as_some_clients_name_none(sums):
    body = b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":[7,8,9]}]}'
    for content_type in ("", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert outputs(sums.post(INFER, data=body, content_type=content_type))[0]["data"] == [1]
    packed = sums.post(INFER, data=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert outputs(packed)[0]["data"] == [1]


def test_many_rows_are_bounded(serve):
    client = serve(fitted(SumClassifier()), MAX_ROWS=2, MAX_CONTENT_LENGTH=1000)
    assert "Must hold 1 to 2 rows, not 3" in assert_error_text(
        infer(client, matrix([*SMALL_AND_LARGE, [1, 2, 3]])), 400
    )
    assert_error_text(infer(client, matrix(SMALL_AND_LARGE), id="x" * 1000), 413)


def test_rows_count_towards_the_limit_of_rows(serve):
    client = serve(fitted(SumClassifier()), RATE_LIMIT_ROWS="3/hour", WORKERS=1)
    assert infer(client, matrix(SMALL_AND_LARGE)).status_code == 200
    assert "Too many rows" in assert_error_text(infer(client, matrix(SMALL_AND_LARGE)), 429)


def test_versions_in_the_address_must_be_loaded(sums):
    version = infer(sums, matrix(SMALL_AND_LARGE)).get_json()["model_version"]
    body = {"inputs": [matrix(SMALL_AND_LARGE)]}
    path = "/v2/models/default/versions/{}/infer"
    assert sums.post(path.format(version), json=body).get_json()["model_version"] == version
    assert (
        assert_error_text(sums.post(path.format("v9"), json=body), 404) == "Model version 'v9' is not loaded"
    )
    assert (
        assert_error_text(sums.post("/v2/models/other/infer", json=body), 404) == "There is no model 'other'"
    )


def test_without_a_model_it_is_503(empty_app):
    client = empty_app.test_client()
    assert assert_error_text(infer(client, matrix(SMALL_AND_LARGE)), 503) == "No model is loaded"


def test_predictions_need_the_scope_predict(serve, tmp_path):
    client = serve(fitted(SumClassifier()), API_KEY_1=KEY, API_KEY_SCOPES="predict")
    assert_error_text(infer(client, matrix(SMALL_AND_LARGE)), 401)
    body = {"inputs": [matrix(SMALL_AND_LARGE)]}
    assert client.post(INFER, json=body, headers=with_key(KEY)).status_code == 200


def test_a_dialect_that_is_off_has_no_routes(serve):
    client = serve(fitted(SumClassifier()), DIALECTS="native,mlflow")
    answer = client.get("/v2/health/live")
    assert answer.status_code == 404
    assert "error_type" in answer.get_json()


def test_a_path_without_a_route_has_errors_of_the_dialect(sums):
    assert_error_text(sums.get("/v2/nothing"), 404)
    assert_error_text(sums.get(INFER), 405)


CELLS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text()
JSONS = st.recursive(
    CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["x", *NAMES]) | JSONS,
        "shape": st.lists(st.integers(-1, 4), max_size=3) | JSONS,
        "datatype": st.sampled_from(["BOOL", "UINT8", "INT64", "FP16", "FP64", "BYTES"]) | JSONS,
        "data": st.lists(CELLS | st.integers(0, 1), max_size=6) | JSONS,
    },
    optional={"parameters": st.fixed_dictionaries({}, optional={"binary_data_size": JSONS}) | JSONS},
)
BODIES = st.fixed_dictionaries(
    {"inputs": st.lists(TENSORS, max_size=3) | JSONS},
    optional={
        "id": JSONS,
        "parameters": JSONS,
        "outputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["predict", "apply"]) | JSONS})),
    },
)


@settings(max_examples=200)
@given(body=BODIES)
def test_no_body_is_a_fault_of_the_service(sums, body):
    answer = sums.post(INFER, json=body)
    if answer.status_code != 200:
        assert_error_text(answer, 400)
