"""Where MLflow and SageMaker are both on, the body decides: each line of the table in docs/dialects.md."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.app.middleware.auth.credentials import KEY
from tests.estimators import NAMES, SumRegressor, fitted

URL = "/invocations"
CSV = "text/csv"
TABLE = pa.table({name: [1.0] for name in NAMES})
HEADER = ",".join(NAMES)
RECORD = dict.fromkeys(NAMES, 1)


def npy():
    content = io.BytesIO()
    np.save(content, np.ones((1, 3)))
    return content.getvalue()


def parquet():
    content = io.BytesIO()
    pq.write_table(TABLE, content)
    return content.getvalue()


def arrow():
    content = io.BytesIO()
    with pa.ipc.new_stream(content, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return content.getvalue()


# Type and body, the type of the answer and what it holds.
MLFLOW = ("application/json", '{"predictions":[3.0]}')
LINES = {
    "dataframe_split": (None, {"dataframe_split": {"columns": NAMES, "data": [[1, 1, 1]]}}, *MLFLOW),
    "dataframe_records": (None, {"dataframe_records": [RECORD]}, *MLFLOW),
    "instances": (None, {"instances": [RECORD]}, *MLFLOW),
    "inputs": (None, {"inputs": [[1, 1, 1]]}, *MLFLOW),
    "pandas-split": (
        "application/json; format=pandas-split",
        {"columns": NAMES, "data": [[1, 1, 1]]},
        "application/json",
        "[3.0]",
    ),
    "pandas-records": ("application/json; format=pandas-records", [RECORD], "application/json", "[3.0]"),
    "list": (None, [[1, 1, 1]], "application/json", "[3.0]"),
    "samples": (
        None,
        {"samples": [[1, 1, 1]]},
        "application/json",
        '{"success":true,"results":[{"sample_id":0,',
    ),
    "header=present": ("text/csv; header=present", f"{HEADER}\n1,1,1\n", *MLFLOW),
    "names in the first line": (CSV, f"{HEADER}\n1,1,1\n", *MLFLOW),
    "header=absent": ("text/csv; header=absent", "1,1,1\n", CSV, "3\n"),
    "no names in the first line": (CSV, "1,1,1\n", CSV, "3\n"),
    "Parquet": ("application/x-parquet", parquet(), *MLFLOW),
    "Arrow": ("application/vnd.apache.arrow.stream", arrow(), *MLFLOW),
    "npy": ("application/x-npy", npy(), "application/x-npy", "\ufffdNUMPY"),
    "NDJSON": ("application/x-ndjson", "[1,1,1]\n", "application/x-ndjson", "3.0\n"),
}


@pytest.mark.parametrize("name", LINES)
def test_the_body_decides_whose_it_is(sums, name):
    content_type, body, answer_type, answer = LINES[name]
    body = body if isinstance(body, str | bytes) else json.dumps(body)
    response = sums.post(URL, data=body, content_type=content_type or "application/json")
    assert (response.status_code, response.mimetype) == (200, answer_type), response.text
    assert response.data.decode(errors="replace").startswith(answer)


@pytest.mark.parametrize(
    ("content_type", "body", "header"),
    [(CSV, f"{HEADER}\n1,1,1\n", True), (CSV, "1,1,1\n", False), ("application/x-parquet", parquet(), True)],
)
def test_accept_decides_the_form_for_both(sums, content_type, body, header):
    response = sums.post(URL, data=body, content_type=content_type, headers={"Accept": CSV})
    assert response.text == ("prediction\n3\n" if header else "3\n")


@pytest.mark.parametrize(
    ("content_type", "body", "members"),
    [
        ("application/json", '{"instances": [[1]]}', {"error_code", "message"}),
        (CSV, f"{HEADER}\n1,x,1\n", {"error_code", "message"}),
        ("application/json", "[[1]]", {"error", "error_type", "details", "request_id"}),
        (CSV, "1,x,1\n", {"error", "error_type", "details", "request_id"}),
    ],
)
def test_an_error_has_the_shape_of_the_dialect_whose_the_body_is(sums, content_type, body, members):
    response = sums.post(URL, data=body, content_type=content_type)
    assert (response.status_code, set(response.get_json())) == (400, members)


@pytest.mark.parametrize("body", ["{}", "3", "{", '{"rows": []}'])
def test_an_error_of_a_body_that_is_nobodys_has_the_members_of_both(sums, body):
    response = sums.post(URL, data=body, content_type="application/json")
    document = response.get_json()
    assert (response.status_code, document["error_code"], document["error_type"]) == (
        400,
        "BAD_REQUEST",
        "validation_error",
    )


@pytest.mark.parametrize("query", ["errors=none", "extra=none"])
def test_parameters_are_checked_for_bodies_for_which_they_mean_nothing(sums, query):
    for options in ({"json": [[1, 1, 1]]}, {"data": "1,1,1\n", "content_type": CSV}):
        assert sums.post(f"{URL}?{query}", **options).status_code == 400


def test_so_has_one_of_a_request_whose_body_is_not_read(serve):
    client = serve(fitted(SumRegressor()), API_KEY_1=KEY)
    document = client.post(URL, json=[[1, 1, 1]]).get_json()
    assert (document["error_code"], document["error_type"]) == ("UNAUTHENTICATED", "authentication_error")


def test_rows_of_a_table_without_names_are_mlflows_where_only_that_is_on(serve):
    client = serve(fitted(SumRegressor()), DIALECTS="mlflow")
    assert client.post(URL, data="1,1,1\n", content_type=CSV).get_json() == {"predictions": [3.0]}


def test_a_table_with_names_is_sagemakers_where_only_that_is_on(serve):
    client = serve(fitted(SumRegressor()), DIALECTS="sagemaker")
    assert client.post(URL, data=f"{HEADER}\n1,1,1\n", content_type=CSV).text == "3\n"


def test_a_named_model_takes_json_of_both_and_tables_of_sagemaker(sums):
    def answer(body, content_type="application/json"):
        return sums.post("/models/default/invoke", data=body, content_type=content_type).text

    for name in ("dataframe_split", "dataframe_records", "instances", "inputs"):
        assert answer(json.dumps(LINES[name][1])) == '{"predictions":[3.0]}'
    assert answer("[[1,1,1]]") == "[3.0]"
    assert answer(f"{HEADER}\n1,1,1\n", CSV) == "3\n"
    assert "error_code" in answer('{"inputs": 1}')


def test_a_named_model_takes_json_of_sagemaker_alone_where_only_that_is_on(serve):
    client = serve(fitted(SumRegressor()), DIALECTS="sagemaker")
    response = client.post("/models/default/invoke", json=LINES["dataframe_records"][1])
    assert (response.status_code, response.get_json()["error_type"]) == (400, "validation_error")
