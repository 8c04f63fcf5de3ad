"""Requests of the Open Inference Protocol, and what their answers must look like."""

import numpy as np
import orjson

from tests.assertions import strict_json

INFER = "/v2/models/default/infer"


def matrix(rows, datatype="FP64", *, nested=False):
    """A tensor of all columns."""
    data = rows if nested else [cell for row in rows for cell in row]
    return {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": datatype, "data": data}


def column(name, datatype, cells, shape=None):
    return {"name": name, "shape": shape or [len(cells)], "datatype": datatype, "data": cells}


def infer(client, *tensors, **members):
    return client.post(INFER, json={"inputs": list(tensors), **members})


def outputs(answer):
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return strict_json(answer)["outputs"]


def texts(cells):
    """Raw elements of the datatype BYTES."""
    return b"".join(len(raw := cell.encode()).to_bytes(4, "little") + raw for cell in cells)


def raw_output(answer):
    """The JSON of an answer and the raw outputs after it, by name."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.mimetype == "application/octet-stream"
    length = int(answer.headers["Inference-Header-Content-Length"])
    document, rest, found = orjson.loads(answer.data[:length]), answer.data[length:], {}
    for output in document["outputs"]:
        if size := output.get("parameters", {}).get("binary_data_size"):
            found[output["name"]], rest = rest[:size], rest[size:]
    assert rest == b""
    return document, found


def numbers(raw, dtype="<f8"):
    return np.frombuffer(raw, dtype=dtype).tolist()
