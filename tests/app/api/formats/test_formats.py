"""Bodies in formats beside JSON, and answers in the format that is accepted."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.models.engines.fallback import FallbackEngine, OriginalMissing
from tests.assertions import assert_error, assert_one_error
from tests.estimators import PEOPLE

BATCH = "/api/predict/batch"


def _stream(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return bytes(sink.getvalue())


def _file(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _lines(rows):
    return "\n".join(map(json.dumps, rows)) + "\n\n"


def _as_dictionaries(table):
    coded = [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in table.columns]
    return pa.table(coded, names=table.column_names)


TABLE = pa.Table.from_pandas(PEOPLE, preserve_index=False)
RECORDS = [{k: None if v != v else v for k, v in row.items()} for row in PEOPLE.to_dict("records")]
BACKWARDS = PEOPLE[PEOPLE.columns[::-1]]
BODIES = {
    "csv": ("text/csv", PEOPLE.to_csv(index=False)),
    "csv, columns in another order": ("text/csv", BACKWARDS.to_csv(index=False)),
    "csv without header": ("text/csv", PEOPLE.to_csv(index=False, header=False)),
    "csv declared without header": ("text/csv; header=absent", PEOPLE.to_csv(index=False, header=False)),
    "csv with semicolons": ("text/csv", PEOPLE.to_csv(index=False, sep=";")),
    "csv with tabs": ('text/csv; delimiter="\t"', PEOPLE.to_csv(index=False, sep="\t")),
    "csv with a mark": ("text/csv", "\ufeff" + PEOPLE.to_csv(index=False)),
    "csv of Windows": ("text/csv", PEOPLE.to_csv(index=False, lineterminator="\r\n")),
    "csv, all quoted but missing": ("application/csv", PEOPLE.to_csv(index=False, quoting=2)),
    "csv in Latin 1": ("text/csv; charset=latin-1", PEOPLE.to_csv(index=False).encode("latin-1")),
    "lines": ("application/x-ndjson", _lines(RECORDS)),
    "lines of lists": ("application/jsonl", _lines([list(row.values()) for row in RECORDS])),
    "arrow stream": ("application/vnd.apache.arrow.stream", _stream(TABLE)),
    "arrow file": ("application/vnd.apache.arrow.file", _file(TABLE)),
    "arrow with dictionaries": ("application/vnd.apache.arrow.stream", _stream(_as_dictionaries(TABLE))),
    "parquet": ("application/vnd.apache.parquet", _parquet(TABLE)),
    "parquet by its old name": ("application/x-parquet", _parquet(_as_dictionaries(TABLE))),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_any_format_has_the_models_answers(people, model, name):
    content_type, body = BODIES[name]
    response = people.post(BATCH, data=body, content_type=content_type)
    assert response.status_code == 200, response.get_json()
    found = [[*row["probabilities"].values()] for row in response.get_json()["results"]]
    np.testing.assert_allclose(found, model.predict_proba(PEOPLE), atol=1e-6)


@pytest.mark.parametrize(
    "accept", ["text/csv; charset=utf-8", "application/x-parquet", "application/vnd.apache.arrow.stream"]
)
def test_an_answer_is_a_table_that_pandas_reads(people, model, accept):
    response = people.post(BATCH, json={"samples": RECORDS}, headers={"Accept": accept})
    assert response.headers["X-Model-Version"]
    assert response.mimetype == accept.partition(";")[0]  # the old name where the client has it
    content = io.BytesIO(response.data)
    if response.mimetype == "text/csv":
        found = pd.read_csv(content)
    elif accept == "application/x-parquet":
        found = pd.read_parquet(content)
    else:
        found = pa.ipc.open_stream(content).read_pandas()
    labels = model.classes_.tolist()
    assert list(found) == ["prediction", *(f"probability_{label}" for label in labels)]
    assert found["prediction"].tolist() == model.predict(PEOPLE).tolist()
    np.testing.assert_allclose(found.iloc[:, 1:], model.predict_proba(PEOPLE), atol=1e-6)


def test_an_answer_of_lines_names_the_rows_that_were_rejected(people):
    rows = [RECORDS[0], RECORDS[1] | {"age": "old"}, RECORDS[2]]
    headers = {"Accept": "application/x-ndjson"}
    response = people.post(
        f"{BATCH}?errors=rows", data=_lines(rows), content_type="application/jsonl", headers=headers
    )
    first, second, third = map(json.loads, response.data.splitlines())
    assert first["prediction"]
    assert third["prediction"]
    assert (second["errors"][0]["row"], second["errors"][0]["name"]) == (1, "age")


def test_an_answer_by_columns_has_a_list_for_each(people, model):
    response = people.post(f"{BATCH}?format=columns", json={"samples": RECORDS}).get_json()
    assert response["columns"]["prediction"] == model.predict(PEOPLE).tolist()
    assert response["count"] == len(PEOPLE)


def test_outputs_are_what_the_model_itself_gives(people, model):
    query = "?outputs=decision_function,predict"
    rows = people.post(BATCH + query, json={"samples": RECORDS}).get_json()["results"]
    assert set(rows[0]) == {"sample_id", "prediction", "decision_function"}
    np.testing.assert_allclose([row["decision_function"] for row in rows], model.decision_function(PEOPLE))
    one = people.post("/api/predict" + query, json={"features": RECORDS[0]}).get_json()["result"]
    assert one == {key: rows[0][key] for key in ("prediction", "decision_function")}
    headers = {"Accept": "application/x-npy"}
    response = people.post(f"{BATCH}?outputs=predict_proba", json={"samples": RECORDS}, headers=headers)
    np.testing.assert_allclose(np.load(io.BytesIO(response.data)), model.predict_proba(PEOPLE), atol=1e-6)


def test_outputs_may_stand_in_several_parameters(people):
    query = "?outputs=decision_function&outputs=predict"
    result = people.post("/api/predict" + query, json={"features": RECORDS[0]}).get_json()["result"]
    assert set(result) == {"prediction", "decision_function"}


def test_what_to_do_with_unknown_columns_is_checked_for_json_too(people):
    response = people.post(f"{BATCH}?extra=maybe", json={"samples": RECORDS[:1]})
    assert_one_error(response, field="extra", reason="must be ignore or reject")


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("transform", "the model has no transform"),
        (
            "predict,fit",
            "must be some of predict, predict_proba, decision_function, transform, apply, not 'fit'",
        ),
    ],
)
def test_an_output_that_the_model_does_not_have_is_named(people, outputs, reason):
    response = people.post(f"{BATCH}?outputs={outputs}", json={"samples": RECORDS[:1]})
    assert_one_error(response, field="outputs", reason=reason)


def test_an_output_of_a_model_that_cannot_be_loaded_here_is_refused(people, monkeypatch):
    def missing(*_):
        raise OriginalMissing("only the original model can answer")

    monkeypatch.setattr(FallbackEngine, "call", missing)
    response = people.post(f"{BATCH}?outputs=decision_function", json={"samples": RECORDS[:1]})
    assert_one_error(response, field="outputs", reason="only the original model can answer")


def test_an_answer_that_nothing_here_can_write_is_refused_with_the_list(people):
    response = people.post(BATCH, json={"samples": RECORDS}, headers={"Accept": "text/html"})
    assert_error(response, 406, "not_acceptable")
    assert "application/json, text/csv" in response.get_json()["error"]


def test_an_array_is_read_without_pickles(client):
    def posted(array, **options):
        content = io.BytesIO()
        np.save(content, array, **options)
        return client.post(BATCH, data=content.getvalue(), content_type="application/x-npy")

    assert posted(np.eye(3, dtype=np.float32)).get_json()["count"] == 3
    assert_one_error(posted(np.array([{}]), allow_pickle=True), reason="it holds objects")
    (error,) = assert_error(posted(np.array([[1.0, 2.0, np.nan]])), 400, "validation_error")
    assert (error["row"], error["name"]) == (0, "depth")
    (error,) = assert_error(posted(np.array([[2**53 + 1, 2, 3]])), 400, "validation_error")
    assert error["reason"] == "integers beyond 2**53 cannot be represented exactly"


CELLS = "age,city\n{},Bonn\n"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("old", "must be a number, not a string"),
        ("1_0", "must be a number, not a string"),
        ("inf", "must be a finite number"),
        ("9007199254740993", "integers beyond 2**53 cannot be represented exactly"),
    ],
)
def test_a_cell_that_does_not_fit_is_named_as_in_json(people, cell, reason):
    rows = PEOPLE.head(3).astype(object)
    rows.loc[1, "age"] = cell
    response = people.post(BATCH, data=rows.to_csv(index=False), content_type="text/csv")
    (error,) = assert_error(response, 400, "validation_error")
    assert (error["row"], error["name"], error["reason"]) == (1, "age", reason)


def test_columns_that_the_model_does_not_know_are_rejected_or_ignored(people):
    wider = PEOPLE.assign(zip=1)
    for content_type, body in [
        ("text/csv", wider.to_csv(index=False)),
        ("application/x-parquet", _parquet(pa.Table.from_pandas(wider))),
        ("application/x-ndjson", _lines([{**row, "zip": 1} for row in RECORDS])),
    ]:
        response = people.post(BATCH, data=body, content_type=content_type)
        error = assert_error(response, 400, "validation_error")[0]
        assert (error["name"], error["reason"].partition(";")[0]) == ("zip", "unknown feature")
        assert people.post(f"{BATCH}?extra=ignore", data=body, content_type=content_type).status_code == 200
    assert people.post(f"{BATCH}?extra=maybe", data=body, content_type=content_type).status_code == 400


def test_rows_are_bounded_and_not_by_the_batch_of_json(serve_model, tmp_path, model):
    client = serve_model(tmp_path, model, sample=PEOPLE, MAX_ROWS=len(PEOPLE), MAX_BATCH_SIZE=2)
    longer = pd.concat([PEOPLE, PEOPLE.head(1)])
    for content_type, write in [
        ("text/csv", lambda frame: frame.to_csv(index=False)),
        ("application/x-parquet", lambda frame: _parquet(pa.Table.from_pandas(frame, preserve_index=False))),
        (
            "application/vnd.apache.arrow.stream",
            lambda f: _stream(pa.Table.from_pandas(f, preserve_index=False)),
        ),
    ]:
        assert client.post(BATCH, data=write(PEOPLE), content_type=content_type).status_code == 200
        response = client.post(BATCH, data=write(longer), content_type=content_type)
        assert_one_error(response, reason=f"Must hold 1 to {len(PEOPLE)} rows, not {len(longer)}.")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.stream",
        "application/vnd.apache.arrow.file",
        "application/x-npy",
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff", b"PAR1", b"\xff\xff\xff\xff\x10\x00\x00\x00", b"\x93NUMPY", b'a,"b\n']
)
def test_what_is_no_such_format_is_400(people, media_type, body):
    assert_error(people.post(BATCH, data=body, content_type=media_type), 400, "validation_error")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(list(BODIES)), data=st.data())
def test_no_damaged_body_makes_the_service_fail(people, name, data):
    content_type, body = BODIES[name]
    damaged = bytearray(body.encode() if isinstance(body, str) else body)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(damaged) - 1))
        damaged[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        damaged = damaged or bytearray(b"x")
    response = people.post(BATCH, data=bytes(damaged), content_type=content_type)
    assert response.status_code in (200, 400), response.data


def test_formats_that_need_an_absent_library_say_so(people, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "app.api.formats.csv_codec", None)
    response = people.post(BATCH, data="1", content_type="text/csv")
    assert_error(response, 415, "unsupported_media_type")
    assert "which is not installed" in response.get_json()["error"]


NESTED = {
    "list": pa.array([[1.0]]),
    "structure": pa.array([{"a": 1}]),
    "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([1.0])),
    "bytes": pa.array([b"a"]),
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_column_of_a_type_that_json_does_not_have_is_named(people, kind):
    table = TABLE.slice(0, 1).drop_columns("age").append_column("age", NESTED[kind])
    media_type = "application/vnd.apache.arrow.stream"
    (error,) = assert_error(
        people.post(BATCH, data=_stream(table), content_type=media_type), 400, "validation_error"
    )
    assert error["name"] == "age"
    assert "which no column can be" in error["reason"]


@pytest.mark.parametrize("charset", ["undefined", "zlib", "none"])
def test_text_in_what_is_no_charset_is_refused(people, charset):
    response = people.post(BATCH, data="age,city\n", content_type=f"text/csv; charset={charset}")
    assert_one_error(response, reason=f"holds no text in {charset}")


@pytest.mark.parametrize("content_type", [None, "text/plain", "text/csv+json", "application/xml"])
def test_body_of_an_unknown_format_is_told_which_ones_there_are(client, content_type):
    response = client.post(BATCH, data="1,2,3", content_type=content_type)
    assert_error(response, 415, "unsupported_media_type")
    assert "application/json or application/x-ndjson or text/csv" in response.get_json()["error"]


@pytest.mark.parametrize("path", ["/api/predict", "/api/models/routing"])
def test_one_row_and_documents_are_json(client, path):
    response = client.post(path, data="1,2,3", content_type="text/csv")
    assert_error(response, 415, "unsupported_media_type")
    assert response.get_json()["error"] == "The request body must be application/json"


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
