import csv

import pytest

from app.api.formats import CODECS
from tests.assertions import assert_error, assert_one_error

ROWS = {"/api/predict": "1,2,3", "/api/predict/fast": "1,2,3", "/api/predict/batch": "1,2,3\n7,8,9.5"}
ANSWERS = {"/api/predict": "0\n", "/api/predict/fast": "0\n", "/api/predict/batch": "0\n1\n"}


class Csv:
    """Numbers, a row per line; of the answer the predictions only."""

    def decode(self, raw, schema, signature):
        rows = [[float(cell) for cell in row] for row in csv.reader(raw.decode().splitlines())]
        return schema.load({schema.rows_field: rows if schema.rows_field == "samples" else rows[0]})

    def encode(self, prediction, envelope, *, single, rejected):
        return "".join(f"{row['prediction']}\n" for row in prediction.to_dicts()).encode()


@pytest.fixture
def csv_client(client, monkeypatch):
    """A client of an app with one more format: a class and an entry of the table."""
    monkeypatch.setitem(CODECS, "text/csv", Csv())
    return client


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; header=absent", "TEXT/CSV"])
@pytest.mark.parametrize("path", [*ROWS, "/api/models/default/predict/batch", "/invocations"])
def test_another_format_is_a_codec_and_a_line(csv_client, path, content_type):
    known = path if path in ROWS else "/api/predict/batch"
    response = csv_client.post(path, data=ROWS[known], content_type=content_type)
    assert (response.status_code, response.content_type) == (200, "text/csv")
    assert response.get_data(as_text=True) == ANSWERS[known]
    assert response.headers["X-Request-ID"]


def test_rows_of_another_format_are_validated_alike(csv_client):
    response = csv_client.post("/api/predict/batch", data="1,2,3\n" * 101, content_type="text/csv")
    assert_one_error(response, field="samples", reason="Must hold 1 to 100 rows, not 101.")
    response = csv_client.post("/api/predict/batch", data="1,2,3\n1,2,nan\n", content_type="text/csv")
    (error,) = assert_error(response, 400, "validation_error")
    assert (error["row"], error["name"]) == (1, "depth")


@pytest.mark.parametrize("content_type", [None, "text/plain", "text/csv+json", "application/csv"])
def test_body_of_an_unknown_format_is_told_which_ones_there_are(csv_client, content_type):
    response = csv_client.post("/api/predict", data="1,2,3", content_type=content_type)
    assert_error(response, 415, "unsupported_media_type")
    expected = "The request body must be application/json or text/csv, not compressed"
    assert response.get_json()["error"] == expected


def test_documents_are_json_whatever_formats_rows_may_have(csv_client):
    response = csv_client.post("/api/models/routing", data="off", content_type="text/csv")
    assert_error(response, 415, "unsupported_media_type")
    assert response.get_json()["error"] == "The request body must be application/json, not compressed"
    assert csv_client.post("/api/models/routing", json={"mode": "off"}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json;charset=utf-8",
        "Application/JSON",
        "application/vnd.x+json",
        "application/x+JSON; v=1",
    ],
)
def test_structured_suffix_and_parameters_are_json(client, content_type):
    response = client.post("/api/predict", data=b'{"features": [1, 2, 3]}', content_type=content_type)
    assert (response.status_code, response.content_type) == (200, "application/json")
