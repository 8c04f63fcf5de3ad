import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from tests.app.middleware.auth.credentials import KEY, with_key
from tests.assertions import strict_json
from tests.estimators import (
    BOXES,
    NAMES,
    PEOPLE,
    MoodyRegressor,
    SeveralSums,
    SizeClassifier,
    SumClassifier,
    SumRegressor,
    fitted,
)

URL = "/invocations"
CSV = "text/csv"
ALONE = {"DIALECTS": "mlflow"}
RECORDS = [{k: None if v != v else v for k, v in row.items()} for row in PEOPLE.to_dict("records")]
LISTS = [list(row.values()) for row in RECORDS]
BACKWARDS = [row[::-1] for row in LISTS]
BY_COLUMN = {name: [row[name] for row in RECORDS] for name in PEOPLE}


def assert_failed(response, status, code):
    """MLflow's shape of errors; the message."""
    document = strict_json(response)
    assert (response.status_code, document["error_code"]) == (status, code), document
    assert set(document) == {"error_code", "message"}
    return document["message"]


def invoked(client, document, **options):
    response = client.post(URL, json=document, **options)
    assert response.status_code == 200, response.data
    return strict_json(response)


def parquet(frame):
    content = io.BytesIO()
    frame.to_parquet(content)
    return content.getvalue()


BODIES = {
    "split": {"dataframe_split": {"columns": [*PEOPLE], "data": LISTS, "index": [*range(len(LISTS))]}},
    "split, other order": {"dataframe_split": {"columns": [*PEOPLE][::-1], "data": BACKWARDS}},
    "split without names": {"dataframe_split": {"data": LISTS}},
    "split with numbers for names": {"dataframe_split": {"columns": [0, 1], "data": LISTS}},
    "split with the numbers that Spark gives": {"dataframe_split": {"columns": ["0", "1"], "data": LISTS}},
    "records": {"dataframe_records": RECORDS},
    "records, other order": {"dataframe_records": [dict(reversed(row.items())) for row in RECORDS]},
    "instances, lists": {"instances": LISTS},
    "instances, objects": {"instances": RECORDS},
    "inputs, lists": {"inputs": LISTS},
    "inputs, columns": {"inputs": BY_COLUMN},
    "inputs, columns of lists of one": {"inputs": {k: [[cell] for cell in v] for k, v in BY_COLUMN.items()}},
}


@pytest.mark.parametrize("count", [1, 3, len(PEOPLE), 3 * len(PEOPLE)])
@pytest.mark.parametrize("name", BODIES)
def test_every_form_of_rows_has_the_models_answers(people, model, name, count):
    ((form, rows),) = BODIES[name].items()

    def cut(cells):
        return (cells * 3)[:count]

    if form == "dataframe_split":
        rows = rows | {"data": cut(rows["data"])}
    else:
        rows = {k: cut(v) for k, v in rows.items()} if isinstance(rows, dict) else cut(rows)
    expected = cut(model.predict(PEOPLE).tolist())
    assert invoked(people, {form: rows}) == {"predictions": expected}
    found = invoked(people, {form: rows, "params": {"outputs": "predict_proba"}})["predictions"]
    probabilities = cut(model.predict_proba(PEOPLE).tolist())
    np.testing.assert_allclose(found, probabilities, atol=1e-6)


def test_rows_of_numbers_are_the_same_in_every_form(sums):
    rows = BOXES.to_numpy().tolist() * 5
    expected = {"predictions": [sum(row) for row in rows]}
    by_name = [dict(zip(NAMES, row, strict=True)) for row in rows]
    split = {"columns": NAMES[::-1], "data": [row[::-1] for row in rows]}
    columns = dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))
    for document in (
        {"instances": rows},
        {"dataframe_records": by_name},
        {"dataframe_split": split},
        {"inputs": columns},
    ):
        assert invoked(sums, document) == expected


def test_numbers_that_are_the_names_of_columns_are_names(serve):
    numbered = BOXES.set_axis(["2", "1", "0"], axis=1)
    client = serve(SumRegressor().fit(numbered), sample=numbered)
    split = {"columns": ["0", "1", "2"], "data": [["x", 2, 3]]}
    response = client.post(URL, json={"dataframe_split": split})
    assert "column '0'" in response.get_json()["message"]


def test_one_row_may_be_cells_by_column(sums):
    assert invoked(sums, {"inputs": {"height": 1, "width": 2, "depth": 3}}) == {"predictions": [6.0]}


def test_cells_are_the_rows_of_a_model_of_one_column(serve):
    one = BOXES[["height"]]
    client = serve(SumRegressor().fit(one.to_numpy()), sample=one)
    assert invoked(client, {"instances": [1, 2.5]}) == {"predictions": [1.0, 2.5]}


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [(SizeClassifier(), ["small", "large"]), (SumClassifier(), [0, 1]), (SeveralSums(), [[6, 12], [16, 32]])],
)
def test_predictions_are_labels_or_numbers_or_lists(serve, estimator, expected):
    assert (
        invoked(serve(fitted(estimator)), {"instances": [[1, 2, 3], [1, 2, 13]]})["predictions"] == expected
    )


def test_a_transformer_gives_lists(serve):
    scaler = StandardScaler().fit(BOXES.to_numpy())
    found = invoked(serve(scaler), {"instances": [[5, 10, 0]]})["predictions"]
    np.testing.assert_allclose(found, [[0, 1, -1]])


def test_params_choose_outputs_and_others_mean_nothing(client):
    rows = {"instances": [[1, 2, 3]]}
    for params in ({"outputs": "predict_proba"}, {"predict_method": "predict_proba", "temperature": 1}):
        assert invoked(client, rows | {"params": params}) == {"predictions": [[0.75, 0.25]]}
    several = rows | {"params": {"outputs": ["predict", "predict_proba"]}}
    expected = {"prediction": 0, "probability_0": 0.75, "probability_1": 0.25}
    assert invoked(client, several) == {"predictions": [expected]}
    assert invoked(client, rows | {"params": None}) == {"predictions": [0]}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ([], "params: must be an object, not a list"),
        ({"outputs": 1}, "params.outputs: must be a name or a list of names"),
        (
            {"outputs": "predict", "predict_method": 1},
            "params.predict_method: must be a name or a list of names",
        ),
        ({"outputs": "predict", "predict_method": "fit"}, "params.predict_method: must be one of predict"),
        ({"outputs": "fit"}, "outputs: must be some of predict"),
        ({"outputs": "transform"}, "outputs: the model has no transform"),
    ],
)
def test_params_that_choose_nothing_known_are_400(client, params, said):
    response = client.post(URL, json={"instances": [[1, 2, 3]], "params": params})
    assert said in assert_failed(response, 400, "BAD_REQUEST")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/json;x=1", CSV])
def test_parameters_of_a_media_type_are_no_error(sums, content_type):
    csv = content_type == CSV
    body = "height,width,depth\n1,2,3\n" if csv else json.dumps({"instances": [[1, 2, 3]]})
    response = sums.post(URL, data=body, content_type=content_type + "; charset=utf-8" * csv)
    assert strict_json(response) == {"predictions": [6.0]}


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("pandas-split", {"columns": NAMES, "data": [[1, 2, 3]]}),
        ("pandas-records", [{"height": 1, "width": 2, "depth": 3}]),
    ],
)
def test_bodies_of_mlflow_1_are_answered_as_there(sums, form, body):
    response = sums.post(URL, data=json.dumps(body), content_type=f"application/json; format={form}")
    assert strict_json(response) == [6.0]


def test_tables_are_rows_and_csv_is_an_answer(people, model):
    expected = model.predict(PEOPLE).tolist()
    for content_type, body in (
        (CSV, PEOPLE.to_csv(index=False)),
        (f"{CSV}; header=present", PEOPLE[["city", "age"]].to_csv(index=False)),
        ("application/x-parquet", parquet(PEOPLE)),
        ("application/vnd.apache.parquet", parquet(PEOPLE[["city", "age"]])),
    ):
        response = people.post(URL, data=body, content_type=content_type)
        assert strict_json(response) == {"predictions": expected}
        response = people.post(URL, data=body, content_type=content_type, headers={"Accept": CSV})
        assert response.mimetype == CSV
        assert pd.read_csv(io.BytesIO(response.data))["prediction"].tolist() == expected


def test_a_nullable_column_is_checked_as_any_other(people):
    rows = [row | {"age": "old" if row["age"] is None else row["age"]} for row in RECORDS]
    response = people.post(URL, json={"dataframe_records": rows})
    message = assert_failed(response, 400, "BAD_REQUEST")
    assert "dataframe_records, row 3, column 'age': must be a number, not a string" in message


@pytest.mark.parametrize("big", [2**53 + 1, -(2**64) - 1, 10**308], ids=["53", "64", "308"])
@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("form", ["records", "split", "columns", "lists"])
def test_a_whole_number_that_floats_cannot_hold_is_no_other_number(serve, form, count, big):
    documents = {
        "records": {"dataframe_records": [{"height": big, "width": 1, "depth": 1}] * count},
        "split": {"dataframe_split": {"columns": NAMES[::-1], "data": [[1, 1, big]] * count}},
        "columns": {"inputs": {"height": [big] * count, "width": [1] * count, "depth": [1] * count}},
        "lists": {"instances": [[big, 1, 1]] * count},
    }
    client = serve(fitted(SumRegressor()))
    response = client.post(URL, data=json.dumps(documents[form]), content_type="application/json")
    message = assert_failed(response, 400, "BAD_REQUEST")
    assert "row 0, column 'height': integers beyond 2**53 cannot be represented exactly" in message


def test_a_bare_nan_of_mlflows_client_is_a_missing_value(people, model):
    body = json.dumps({"dataframe_split": PEOPLE.to_dict(orient="split")})
    assert "NaN" in body
    response = people.post(URL, data=body, content_type="application/json")
    assert strict_json(response) == {"predictions": model.predict(PEOPLE).tolist()}


def test_thousands_of_rows_are_answered_up_to_the_limit(serve):
    client = serve(fitted(SumRegressor()), MAX_ROWS=5000)
    rows = [[1, 2, number] for number in range(5000)]
    assert invoked(client, {"dataframe_split": {"columns": NAMES, "data": rows}})["predictions"][-1] == 5002
    for document in ({"inputs": [*rows, [1, 2, 3]]}, {"inputs": {name: [1] * 5001 for name in NAMES}}):
        message = assert_failed(client.post(URL, json=document), 400, "BAD_REQUEST")
        assert message == "Validation failed: Must hold 1 to 5000 rows, not 5001."


def test_an_error_names_rows_and_columns_and_holds_none(people):
    secret = "Mr Smith of 12 High Street"
    rows = [{"age": secret, "city": secret} for _ in range(200)]
    message = assert_failed(people.post(URL, json={"instances": rows}), 400, "BAD_REQUEST")
    assert secret not in message
    assert "row 2, column 'age'" in message
    assert message.endswith("; and 97 more")


SPLIT = "dataframe_split"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            [[1, 2, 3]],
            "with exactly one of dataframe_split, dataframe_records, instances, inputs, not a list",
        ),
        ({}, "with exactly one of"),
        ({"instances": [], "inputs": []}, "with exactly one of"),
        ({"instances": []}, "Must hold 1 to 100000 rows, not 0."),
        ({"instances": {}}, "instances: must be a list of rows, not an object"),
        ({"instances": [[1, 2]]}, "instances, row 0: has 2 values, the model expects 3"),
        ({"inputs": {}}, "inputs: must hold at least one column"),
        (
            {"inputs": {"height": [1], "width": [1, 2]}},
            "column 'width': has 2 values, the first column has 1",
        ),
        ({SPLIT: []}, "must be an object with columns and data, not a list"),
        ({SPLIT: {"columns": NAMES}}, "dataframe_split.data: must be a list of rows, not null"),
        ({SPLIT: {"columns": {}, "data": []}}, "dataframe_split.columns: must be a list of names"),
        ({SPLIT: {"columns": NAMES, "data": [], "x": 1}}, "column 'x': Unknown field."),
        ({SPLIT: {"columns": ["depth", "width"], "data": [[1, 2, 3]]}}, "row 0: must be a list of 2 values"),
        ({SPLIT: {"columns": ["depth", "depth"], "data": [[1, 2]]}}, "two columns of one name"),
        ({SPLIT: {"columns": ["depth", "width", "high"], "data": [[1, 2, 3]] * 40}}, "unknown feature"),
        ({"inputs": {**dict.fromkeys(NAMES, [[1, 2]] * 40)}}, "must be a number, not a list"),
    ],
)
def test_a_body_of_no_form_is_400_and_says_what_is_wrong(serve, document, said):
    client = serve(fitted(SumRegressor()), **ALONE)
    assert said in assert_failed(client.post(URL, json=document), 400, "BAD_REQUEST")


@pytest.mark.parametrize("body", [b"", b"{", b'{"instances": [[NaN, 1, 2]]}', b"\xff"])
def test_what_is_no_json_is_400(serve, body):
    client = serve(fitted(SumRegressor()), **ALONE)
    response = client.post(URL, data=body, content_type="application/json")
    assert_failed(response, 400, "BAD_REQUEST")


@pytest.mark.parametrize("content_type", ["application/x-npy", "application/x-ndjson", "text/html"])
def test_bodies_of_other_types_are_415(serve, content_type):
    client = serve(fitted(SumRegressor()), **ALONE)
    assert_failed(client.post(URL, data=b"1", content_type=content_type), 415, "BAD_REQUEST")


def test_an_answer_that_nothing_here_can_write_is_406(sums):
    response = sums.post(URL, json={"instances": [[1, 2, 3]]}, headers={"Accept": "image/png"})
    assert "application/json, text/csv" in assert_failed(response, 406, "BAD_REQUEST")


def test_a_fault_of_the_model_is_internal_and_says_nothing_of_it(serve):
    response = serve(fitted(MoodyRegressor())).post(URL, json={"instances": [[13, 0, 0]]})
    assert response.status_code in (400, 500, 503)
    assert "private" not in response.text
    assert set(response.get_json()) == {"error_code", "message"}


def test_probes_say_whether_there_is_a_model(serve, build_app):
    with_model, without = serve(fitted(SumRegressor()), **ALONE), build_app(**ALONE).test_client()
    for path in ("/ping", "/health"):
        assert (with_model.get(path).status_code, with_model.get(path).data) == (200, b"\n")
        assert without.get(path).status_code == 404
    assert with_model.get("/version").text == "3.0.0"
    response = without.post(URL, json={"instances": [[1, 2, 3]]})
    assert assert_failed(response, 503, "TEMPORARILY_UNAVAILABLE") == "No model is loaded"


def test_probes_fail_while_the_server_drains(sums, monkeypatch):
    monkeypatch.setattr("app.middleware.draining._flag", [1])
    assert [sums.get(path).status_code for path in ("/ping", "/health", "/version")] == [503, 404, 200]


def test_a_version_that_is_not_loaded_is_a_conflict(sums):
    rows, headers = {"instances": [[1, 2, 3]]}, {"X-Model-Version": "v9"}
    assert_failed(sums.post(URL, json=rows, headers=headers), 409, "RESOURCE_CONFLICT")
    assert sums.post(URL, json=rows).headers["X-Model-Version"].startswith("SumRegressor")


def test_predictions_need_a_key_and_probes_do_not(serve):
    client = serve(fitted(SumRegressor()), API_KEY_1=KEY, RATE_LIMIT="1/hour", WORKERS=1, **ALONE)
    rows = {"instances": [[1, 2, 3]]}
    assert_failed(client.post(URL, json=rows), 401, "UNAUTHENTICATED")
    assert [client.get(path).status_code for path in ("/ping", "/health", "/version")] == [200] * 3
    assert client.post(URL, json=rows, headers=with_key(KEY)).status_code == 200
    assert_failed(client.post(URL, json=rows, headers=with_key(KEY)), 429, "REQUEST_LIMIT_EXCEEDED")


def test_rows_count_towards_their_limit(serve):
    client = serve(fitted(SumRegressor()), RATE_LIMIT_ROWS="3/hour", WORKERS=1)
    rows = {"instances": [[1, 2, 3]] * 2}
    assert client.post(URL, json=rows).status_code == 200
    assert_failed(client.post(URL, json=rows), 429, "REQUEST_LIMIT_EXCEEDED")


def test_a_dialect_that_is_off_is_absent(build_app):
    client = build_app(DIALECTS="native").test_client()
    assert {client.get(path).status_code for path in ("/ping", "/health", "/version")} == {404}
    assert client.post(URL, json={}).status_code == 404


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*NAMES, "data", "columns"]), inner)
    ),
    max_leaves=12,
)
MEMBERS = ["dataframe_split", "dataframe_records", "instances", "inputs", "params", "samples"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    document=JSON | st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=2),
    times=st.sampled_from([1, 40]),
)
def test_no_body_is_a_fault_of_the_service(client, document, times):
    if isinstance(document, dict):
        document = {k: v * times if isinstance(v, list) else v for k, v in document.items()}
    response = client.post(URL, data=json.dumps(document), content_type="application/json")
    assert response.status_code in (200, 400)
