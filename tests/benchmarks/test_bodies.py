"""Bodies in the formats of the dialects, and the numbers of their answers."""

import json
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import bodies

ROWS = [[0.0, 1.0], [2.0, 3.0]]


def arrow_stream(columns: dict[str, Any]) -> bytes:
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_binary_tensors_follow_a_json_of_fixed_length() -> None:
    path, body = bodies.binary_tensors("default", "predict_proba")(ROWS)
    document = json.loads(body[: bodies.TENSOR_HEADER])
    assert path == "/v2/models/default/infer"
    assert np.frombuffer(body[bodies.TENSOR_HEADER :]).tolist() == [0, 1, 2, 3]
    (tensor,) = document["inputs"]
    assert (tensor["shape"], tensor["parameters"]) == ([2, 2], {"binary_data_size": 32})
    assert document["outputs"] == [{"name": "predict_proba", "parameters": {"binary_data": True}}]


def test_json_of_ten_thousand_rows_has_that_length_too() -> None:
    _, body = bodies.binary_tensors("default", "predict_proba")([[0.5] * 20] * 10_000)
    assert len(body) == bodies.TENSOR_HEADER + 10_000 * 20 * 8


def test_arrow_has_a_column_for_each_feature() -> None:
    _, body = bodies.arrow(ROWS)
    columns = pa.ipc.open_stream(body).read_all().to_pydict()
    assert columns == {"feature_0": [0, 2], "feature_1": [1, 3]}


def test_numbers_of_an_answer_come_row_by_row() -> None:
    expected = [0.2, 0.8, 0.7, 0.3]
    output = {"name": "predict_proba", "parameters": {"binary_data_size": 32}}
    binary = json.dumps({"outputs": [output]}).encode() + np.array(expected).tobytes()
    assert bodies.tensor_numbers(binary).tolist() == expected
    columns = {"prediction": ["b", "a"], "probability_a": [0.2, 0.7], "probability_b": [0.8, 0.3]}
    assert bodies.arrow_numbers(arrow_stream(columns)).tolist() == expected
    assert bodies.json_numbers(json.dumps({"a": [[0.2, 0.8], [0.7, 0.3]]}).encode()).tolist() == expected
