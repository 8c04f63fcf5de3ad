"""Bodies of requests and answers in the formats of the servers."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

Rows = list[list[float]]
ARROW = "application/vnd.apache.arrow.stream"
TENSOR_HEADER = 256
"""Bytes of JSON before binary tensors: always as many, because a peer's headers are the same for any rows."""


def native(rows: Rows) -> tuple[str, Any]:
    """The API of the service, which the hand-written peers copy."""
    if len(rows) == 1:
        return "/api/predict", {"features": rows[0]}
    return "/api/predict/batch", {"samples": rows}


def keyed(path: str, key: str) -> Callable[[Rows], tuple[str, Any]]:
    """An API that takes rows under one key, whatever their number."""
    return lambda rows: (path, {key: rows})


def open_inference(model: str, *outputs: str) -> Callable[[Rows], tuple[str, Any]]:
    """The Open Inference Protocol, with flat data as its documentation recommends."""

    def encode(rows: Rows) -> tuple[str, Any]:
        data = [value for row in rows for value in row]
        document = {
            "inputs": [_tensor(rows) | {"data": data}],
            "outputs": [{"name": name} for name in outputs],
        }
        return f"/v2/models/{model}/infer", document

    return encode


def binary_tensors(model: str, *outputs: str) -> Callable[[Rows], tuple[str, Any]]:
    """The same with Triton's binary tensors in both directions, as ``tritonclient`` sends them."""

    def encode(rows: Rows) -> tuple[str, Any]:
        data = np.array(rows).tobytes()
        wanted = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
        tensor = _tensor(rows) | {"parameters": {"binary_data_size": len(data)}}
        head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode()
        return f"/v2/models/{model}/infer", head.ljust(TENSOR_HEADER) + data

    return encode


def _tensor(rows: Rows) -> dict[str, Any]:
    return {"name": "rows", "shape": [len(rows), len(rows[0])], "datatype": "FP64"}


def arrow(rows: Rows) -> tuple[str, Any]:
    """The service's route for several rows, with an Arrow stream of a column for each feature."""
    columns = {f"feature_{number}": column for number, column in enumerate(np.array(rows).T)}
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return "/api/predict/batch", sink.getvalue().to_pybytes()


def json_numbers(answer: bytes) -> Any:
    """Every number in a JSON document, in the order of the text."""
    return np.array(list(_numbers(json.loads(answer))))


def _numbers(node: Any) -> Iterator[float]:
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _numbers(item)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield float(node)


def tensor_numbers(answer: bytes) -> Any:
    """The numbers of the only tensor, FP64, after the JSON."""
    head, _ = json.JSONDecoder().raw_decode(answer.decode("latin-1"))
    (output,) = head["outputs"]
    return np.frombuffer(answer[-output["parameters"]["binary_data_size"] :], np.float64)


def arrow_numbers(answer: bytes) -> Any:
    """The numbers of an Arrow stream, row by row."""
    frame = pa.ipc.open_stream(answer).read_pandas()
    return frame.select_dtypes("number").to_numpy(np.float64).ravel()


def write(file: Path, bodies: Iterable[bytes]) -> Path:
    """Write the bodies for a load generator, each after a line with its length; returns ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(b"%d\n%b" % (len(body), body) for body in bodies))
    return file


def read(file: Path) -> list[bytes]:
    """The bodies that `write` wrote."""
    found = []
    with file.open("rb") as source:
        while line := source.readline():
            found.append(source.read(int(line)))
    return found
