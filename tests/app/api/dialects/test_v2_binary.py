"""The binary extension of the Open Inference Protocol: raw tensors after the JSON, both ways."""

import gzip

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from app.models.training.estimators import mixed_pipeline
from tests.app.api.dialects.v2 import INFER, matrix, numbers, outputs, raw_output, texts
from tests.assertions import assert_error_text
from tests.estimators import BOXES, INCOME, NAMES, PEOPLE, SizeClassifier, SumClassifier, SumRegressor, fitted

LENGTH = "Inference-Header-Content-Length"
ROWS = [[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]]
TYPES = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"} | {
    f"{sign}INT{bits}": f"<{kind}{bits // 8}"
    for sign, kind in (("", "i"), ("U", "u"))
    for bits in (8, 16, 32, 64)
}
BINARY = {"binary_data_output": True}


@pytest.fixture(scope="module")
def sums(tmp_path_factory, serve_model):
    return serve_model(tmp_path_factory.mktemp("models"), fitted(SumClassifier()), sample=BOXES)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, serve_model):
    """A client of a model that is served compiled."""
    model = LogisticRegression().fit(BOXES.to_numpy(), [0, 1] * 10)
    return serve_model(tmp_path_factory.mktemp("models"), model, sample=BOXES)


def raw_tensor(raw, *, name="x", shape=(2, 3), datatype="FP64", size=None):
    tensor = {"name": name, "shape": list(shape), "datatype": datatype}
    return tensor | {"parameters": {"binary_data_size": len(raw) if size is None else size}}


def send(client, document, raw, *, length=None, pad=0):
    head = orjson.dumps(document) + b" " * pad
    headers = {LENGTH: str(len(head) if length is None else length)}
    return client.post(INFER, data=head + raw, headers=headers, content_type="application/octet-stream")


@pytest.mark.parametrize("datatype", TYPES)
@pytest.mark.parametrize("pad", range(8))
def test_numbers_of_any_datatype_and_any_place_in_memory(compiled, sums, datatype, pad):
    raw = np.array(ROWS, dtype=TYPES[datatype]).tobytes()
    for client in (sums, compiled):
        document = {"inputs": [raw_tensor(raw, datatype=datatype)]}
        assert outputs(send(client, document, raw, pad=pad))[0]["data"] == [0, 1]


def test_raw_and_json_have_the_same_answers(compiled):
    raw = np.array(ROWS).tobytes()
    asked = {"outputs": [{"name": "predict_proba"}]}
    by_json = compiled.post(INFER, json={"inputs": [matrix(ROWS)], **asked})
    by_bytes = send(compiled, {"inputs": [raw_tensor(raw)], **asked}, raw)
    assert outputs(by_json) == outputs(by_bytes)


def test_columns_follow_each_other_in_the_order_of_the_inputs(serve):
    client = serve(fitted(SumRegressor()))
    columns = {"depth": np.array([3, 9], dtype="<i2"), "width": np.array([2.5, 8], dtype="<f4")}
    raw = b"".join(each.tobytes() for each in columns.values())
    tensors = [
        raw_tensor(
            each.tobytes(), name=name, shape=(2, 1), datatype={"i": "INT16", "f": "FP32"}[each.dtype.kind]
        )
        for name, each in columns.items()
    ]
    height = {"name": "height", "shape": [2], "datatype": "FP64", "data": [1, 7]}
    answer = send(client, {"inputs": [tensors[0], height, tensors[1]]}, raw)
    assert outputs(answer)[0]["data"] == [6.5, 24.0]


def test_texts_have_their_lengths_before_them_and_nan_is_missing(tmp_path, serve_model):
    model = mixed_pipeline(PEOPLE, LogisticRegression()).fit(PEOPLE, INCOME)
    client = serve_model(tmp_path, model, sample=PEOPLE)
    age, city = np.array([20, np.nan, 40]).tobytes(), texts(["Athens", "Berlin", "Zürich"])
    tensors = [
        raw_tensor(age, name="age", shape=[3]),
        raw_tensor(city, name="city", shape=[3], datatype="BYTES"),
    ]
    native = client.post(
        "/api/predict/batch", json={"samples": [[20, "Athens"], [None, "Berlin"], [40, "Zürich"]]}
    )
    labels = [result["prediction"] for result in native.get_json()["results"]]
    _, found = raw_output(send(client, {"inputs": tensors, "parameters": BINARY}, age + city))
    assert found == {"predict": texts(labels)}


def test_truth_values_are_bytes_of_0_or_1(serve):
    model = LogisticRegression().fit(BOXES.to_numpy(), [False, True] * 10)
    client, raw = serve(model), np.array(ROWS).tobytes()
    _, found = raw_output(send(client, {"inputs": [raw_tensor(raw)], "parameters": BINARY}, raw))
    assert found == {"predict": b"\0\1"}


def test_outputs_are_raw_where_the_output_or_else_the_request_says_so(sums):
    names = [{"name": "predict", "parameters": {"binary_data": False}}, {"name": "predict_proba"}]
    body = {"inputs": [matrix(ROWS)], "outputs": names, "parameters": BINARY, "id": "7"}
    document, found = raw_output(sums.post(INFER, json=body))
    assert (document["id"], document["outputs"][0]["data"]) == ("7", [0, 1])
    assert document["outputs"][1] == {
        "name": "predict_proba",
        "shape": [2, 2],
        "datatype": "FP64",
        "parameters": {"binary_data_size": 32},
    }
    assert numbers(found["predict_proba"]) == [0.75, 0.25, 0.25, 0.75]
    names = [{"name": "predict", "parameters": {"binary_data": True}}]
    _, found = raw_output(sums.post(INFER, json={"inputs": [matrix(ROWS)], "outputs": names}))
    assert numbers(found["predict"], "<i8") == [0, 1]


def test_an_output_that_is_not_named_is_raw_if_the_request_says_so(serve):
    _, found = raw_output(
        serve(fitted(SizeClassifier())).post(INFER, json={"inputs": [matrix(ROWS)], "parameters": BINARY})
    )
    assert found == {"predict": texts(["small", "large"])}


def test_a_compressed_body_is_inflated_before_its_parts_are_told_apart(sums):
    raw = np.array(ROWS).tobytes()
    head = orjson.dumps({"inputs": [raw_tensor(raw)]})
    headers = {LENGTH: str(len(head)), "Content-Encoding": "gzip"}
    assert outputs(sums.post(INFER, data=gzip.compress(head + raw), headers=headers))[0]["data"] == [0, 1]


RAW = np.array(ROWS).tobytes()
WRONG = {
    "too short": (raw_tensor(RAW, size=48), RAW[:40], "its binary_data_size is 48, but 40 bytes"),
    "too long": (raw_tensor(RAW), RAW + b"\0", "1 bytes after the JSON belong to no tensor"),
    "another shape": (raw_tensor(RAW, shape=(3, 3)), RAW, "its shape takes 72 bytes of FP64, not 48"),
    "a negative size": (raw_tensor(RAW, size=-1), RAW, "must be a number of bytes"),
    "a size that is none": (raw_tensor(RAW, size=True), RAW, "must be a number of bytes"),
    "data twice": (raw_tensor(RAW) | {"data": []}, RAW, "has both data and a binary_data_size"),
    "parameters": (raw_tensor(RAW) | {"parameters": [1]}, RAW, "its parameters must be an object"),
    "infinity": (
        raw_tensor(RAW),
        np.array([[1, 2, 3], [1, np.inf, 3]]).tobytes(),
        "inputs, row 1, column 'width': must be a finite number",
    ),
    "a missing number": (
        raw_tensor(RAW),
        np.array([[1, 2, 3], [1, np.nan, 3]]).tobytes(),
        "inputs, row 1, column 'width': must be a number, not null",
    ),
    "no truth value": (
        raw_tensor(b"\1\2", shape=[2], datatype="BOOL"),
        b"\1\2",
        "inputs[0], row 1, column 'x': must be a byte of 0 or 1",
    ),
    "another number of texts": (
        raw_tensor(texts("ab"), shape=[3], datatype="BYTES"),
        texts("ab"),
        "its bytes are not 3 texts",
    ),
    "too many texts": (raw_tensor(texts("ab"), shape=[1], datatype="BYTES"), texts("ab"), "are not 1 texts"),
    "a text cut off": (
        raw_tensor(texts("ab")[:-1], shape=[2], datatype="BYTES"),
        texts("ab")[:-1],
        "its bytes are not 2 texts",
    ),
    "a length cut off": (raw_tensor(b"\0", shape=[1], datatype="BYTES"), b"\0", "its bytes are not 1 texts"),
    "no UTF-8": (
        raw_tensor(b"\1\0\0\0\xff", shape=[1], datatype="BYTES"),
        b"\1\0\0\0\xff",
        "row 0, column 'x': must be text in UTF-8",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(sums, case):
    tensor, raw, expected = WRONG[case]
    assert expected in assert_error_text(send(sums, {"inputs": [tensor]}, raw), 400)


@pytest.mark.parametrize("length", ["", "x", "-1", "10000", "9" * 5000, "1_0", "٣"])
def test_a_length_of_the_json_that_is_none_is_refused(sums, length):
    head = orjson.dumps({"inputs": [raw_tensor(RAW)]})
    answer = sums.post(INFER, data=head + RAW, headers={LENGTH: length.encode().decode("latin-1")})
    assert f"{LENGTH}: must be a number of bytes" in assert_error_text(answer, 400)


@pytest.mark.parametrize("length", [0, 5])
def test_a_length_that_cuts_the_json_off_is_refused(sums, length):
    assert_error_text(send(sums, {"inputs": [raw_tensor(RAW)]}, RAW, length=length), 400)


def test_raw_tensors_without_the_header_are_refused(sums):
    body = orjson.dumps({"inputs": [raw_tensor(RAW)]})
    assert "0 bytes of the body are left" in assert_error_text(sums.post(INFER, data=body), 400)
    assert "not valid JSON" in assert_error_text(sums.post(INFER, data=body + RAW), 400)


def test_whole_numbers_that_float64_does_not_hold_are_refused(sums):
    raw = np.array([[1, 2, 3], [4, 2**53 + 1, 6]], dtype="<i8").tobytes()
    text = assert_error_text(send(sums, {"inputs": [raw_tensor(raw, datatype="INT64")]}, raw), 400)
    assert "row 1, column 'width': integers beyond 2**53" in text


def test_ten_thousand_rows(compiled):
    rows = np.random.default_rng(0).uniform(0, 10, (10_000, 3))
    body = {"inputs": [raw_tensor(b"", shape=rows.shape, size=rows.nbytes)], "parameters": BINARY}
    _, found = raw_output(send(compiled, body, rows.tobytes()))
    columns = [
        {"name": n, "shape": [10_000], "datatype": "FP64", "data": c.tolist()}
        for n, c in zip(NAMES, rows.T, strict=True)
    ]
    assert (
        numbers(found["predict"], "<i8") == outputs(compiled.post(INFER, json={"inputs": columns}))[0]["data"]
    )


@settings(max_examples=200)
@given(
    shape=st.lists(st.integers(0, 3), min_size=1, max_size=2),
    datatype=st.sampled_from([*TYPES, "BOOL", "BYTES"]),
    size=st.integers(0, 40),
    raw=st.binary(max_size=40),
    length=st.none() | st.integers(0, 200),
)
def test_no_body_is_a_fault_of_the_service(sums, shape, datatype, size, raw, length):
    tensor = raw_tensor(raw, shape=shape, datatype=datatype, size=size)
    answer = send(sums, {"inputs": [tensor]}, raw, length=length)
    if answer.status_code != 200:
        assert_error_text(answer, 400)
