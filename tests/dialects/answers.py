"""Answers and errors of every dialect, read into one form: a value or a list of values for each row."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from werkzeug.test import TestResponse

from tests.assertions import INSIDE, strict_json

PROBABILITIES = "predict_proba"
OF_ALL = {"error", "error_type", "details", "request_id"}
OF_MLFLOW = {"error_code", "message"}


def native(response: TestResponse, output: str) -> list[Any]:
    """``results`` of the native API."""
    results = strict_json(response)["results"]
    return [_native_row(result, output) for result in results]


def _native_row(result: dict[str, Any], output: str) -> Any:
    if output != PROBABILITIES:
        return result["prediction"]
    found = result["probabilities"]
    return [number for each in (found if isinstance(found, list) else [found]) for number in each.values()]


def ndjson_results(response: TestResponse, output: str) -> list[Any]:
    return [_native_row(json.loads(line), output) for line in response.data.splitlines()]


def ndjson_values(response: TestResponse, output: str) -> list[Any]:
    return [json.loads(line) for line in response.data.splitlines()]


def member(*names: str) -> Callable[[TestResponse, str], list[Any]]:
    """The list that a document holds under these names, one inside of the other."""

    def read(response: TestResponse, output: str) -> list[Any]:
        found = strict_json(response)
        for name in names:
            found = found[name]
        return list(found)

    return read


def csv_rows(response: TestResponse, output: str) -> list[Any]:
    assert response.mimetype == "text/csv"
    return _values([list(map(_cell, line)) for line in csv.reader(io.StringIO(response.text))])


def csv_with_header(response: TestResponse, output: str) -> list[Any]:
    assert response.mimetype == "text/csv"
    _, *lines = csv.reader(io.StringIO(response.text))
    return _values([list(map(_cell, line)) for line in lines])


def _cell(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parquet(response: TestResponse, output: str) -> list[Any]:
    return _of_table(pq.read_table(io.BytesIO(response.data)))


def arrow_stream(response: TestResponse, output: str) -> list[Any]:
    return _of_table(pa.ipc.open_stream(response.data).read_all())


def arrow_file(response: TestResponse, output: str) -> list[Any]:
    return _of_table(pa.ipc.open_file(response.data).read_all())


def _of_table(table: pa.Table) -> list[Any]:
    return _values([list(row) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)])


def _values(rows: list[list[Any]]) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in rows]


def npy(response: TestResponse, output: str) -> list[Any]:
    return list(np.load(io.BytesIO(response.data)).tolist())


def tensor(response: TestResponse, output: str) -> list[Any]:
    """The one output of the Open Inference Protocol, in JSON."""
    (found,) = strict_json(response)["outputs"]
    return _shaped(found["data"], found["shape"])


def raw_tensor(response: TestResponse, output: str) -> list[Any]:
    """The same as raw bytes."""
    length = int(response.headers["Inference-Header-Content-Length"])
    (found,), rest = orjson.loads(response.data[:length])["outputs"], response.data[length:]
    assert found["parameters"]["binary_data_size"] == len(rest)
    if found["datatype"] != "BYTES":
        dtype = {"FP64": "<f8", "INT64": "<i8", "BOOL": "|b1"}[found["datatype"]]
        return _shaped(np.frombuffer(rest, dtype=dtype).tolist(), found["shape"])
    texts: list[str] = []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "little")
        texts.append(rest[4:end].decode())
        rest = rest[end:]
    return _shaped(texts, found["shape"])


def _shaped(cells: list[Any], shape: list[int]) -> list[Any]:
    rows, width = shape
    assert len(cells) == rows * width
    return _values([cells[row * width : (row + 1) * width] for row in range(rows)])


def best_label(response: TestResponse, output: str) -> list[Any]:
    """``:classify`` of TF Serving: scores by label, of which the highest is the prediction."""
    pairs = strict_json(response)["result"]
    if output == PROBABILITIES:
        return [[score for _, score in row] for row in pairs]
    return [max(row, key=lambda pair: pair[1])[0] for row in pairs]


def native_error(response: TestResponse) -> str:
    return _told(_document(response, OF_ALL))


def invocation_error(response: TestResponse) -> str:
    """Of SageMaker, or of both, where the error is older than the choice between them."""
    return _told(_document(response, OF_ALL, OF_ALL | OF_MLFLOW))


def mlflow_error(response: TestResponse) -> str:
    document = _document(response, OF_MLFLOW, OF_ALL | OF_MLFLOW)
    codes = {400: "BAD_REQUEST", 404: "RESOURCE_DOES_NOT_EXIST", 503: "TEMPORARILY_UNAVAILABLE"}
    assert document["error_code"] == codes.get(response.status_code, "BAD_REQUEST")
    return str(document["message"])


def error_in(name: str) -> Callable[[TestResponse], str]:
    """Errors that are an object of one text."""
    return lambda response: str(_document(response, {name})[name])


def _told(document: dict[str, Any]) -> str:
    """All that an error of the native shape says."""
    errors = document["details"].get("errors", [])
    told = "; ".join(" ".join(f"{name} {value}" for name, value in error.items()) for error in errors)
    return f"{document['error']}: {told}"


def _document(response: TestResponse, *shapes: set[str]) -> dict[str, Any]:
    document = strict_json(response)
    assert set(document) in shapes, document
    assert not [word for word in INSIDE if word in response.text], document
    return dict(document)
