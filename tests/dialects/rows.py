"""Rows as a client holds them, and as bodies in every layout and format."""

import csv
import io
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq


class CannotSay(Exception):
    """A body of this form cannot hold these rows."""


@dataclass(frozen=True)
class Rows:
    """Cells by row, as JSON has them: None is missing, dates are text."""

    names: tuple[str, ...]
    cells: list[list[Any]]

    def cut(self, row: int | None) -> "Rows":
        """Without the last cell of one row, or of all rows."""
        if row is not None:
            return replace(self, cells=[c[:-1] if i == row else c for i, c in enumerate(self.cells)])
        return Rows(self.names[:-1], [cells[:-1] for cells in self.cells])

    def with_cell(self, row: int, column: int, value: Any) -> "Rows":
        """With another value in one cell."""
        cells = [list(each) for each in self.cells]
        cells[row][column] = value
        return replace(self, cells=cells)


def lists(rows: Rows) -> list[list[Any]]:
    return rows.cells


def records(rows: Rows) -> list[dict[str, Any]]:
    """Objects by column name, in another order than that of training."""
    return [dict(reversed([*zip(rows.names, cells, strict=False)])) for cells in rows.cells]


def columns(rows: Rows) -> dict[str, list[Any]]:
    cells = zip(*rows.cells, strict=True) if rows.cells else [()] * len(rows.names)
    return dict(reversed([*zip(rows.names, map(list, cells), strict=True)]))


def split(rows: Rows) -> dict[str, Any]:
    """As pandas splits a frame."""
    return {"columns": list(rows.names), "index": list(range(len(rows.cells))), "data": rows.cells}


def ndjson(rows: Rows) -> bytes:
    return b"".join(map(_line, rows.cells))


def ndjson_records(rows: Rows) -> bytes:
    return b"".join(map(_line, records(rows)))


def _line(row: Any) -> bytes:
    return f"{json.dumps(row)}\n".encode()


def csv_rows(rows: Rows) -> bytes:
    """Without a header; a missing cell is empty."""
    text = io.StringIO()
    truths = {True: "true", False: "false"}
    csv.writer(text, lineterminator="\n").writerows(
        [truths[cell] if isinstance(cell, bool) else cell for cell in cells] for cells in rows.cells
    )
    return text.getvalue().encode()


def csv_with_header(rows: Rows) -> bytes:
    return csv_rows(replace(rows, cells=[list(rows.names), *rows.cells]))


def npy(rows: Rows) -> bytes:
    content = io.BytesIO()
    np.save(content, numbers(rows))
    return content.getvalue()


def numbers(rows: Rows) -> Any:
    """An array of numbers in training order, NaN for missing.

    :raises CannotSay: if a cell is a text.
    """
    if any(isinstance(cell, str) for cells in rows.cells for cell in cells):
        raise CannotSay
    cells = [[np.nan if cell is None else cell for cell in each] for each in rows.cells]
    large = any(isinstance(cell, int) and cell >= 2**63 for each in cells for cell in each)
    dtype = np.uint64 if large else None  # which NumPy does not choose by itself
    return np.array(cells, dtype).reshape(len(cells), -1) if cells else np.empty((0, len(rows.names)))


def parquet(rows: Rows) -> bytes:
    content = io.BytesIO()
    pq.write_table(table(rows), content)
    return content.getvalue()


def arrow_stream(rows: Rows) -> bytes:
    content = io.BytesIO()
    with pa.ipc.new_stream(content, table(rows).schema) as writer:
        writer.write_table(table(rows))
    return content.getvalue()


def arrow_file(rows: Rows) -> bytes:
    content = io.BytesIO()
    with pa.ipc.new_file(content, table(rows).schema) as writer:
        writer.write_table(table(rows))
    return content.getvalue()


def table(rows: Rows) -> pa.Table:
    """A table in which each column has one type: one with a text in it is of texts."""
    return pa.table({name: _array(cells) for name, cells in columns(rows).items()})


def _array(cells: list[Any]) -> pa.Array:
    if any(isinstance(cell, str) for cell in cells):
        return pa.array([None if cell is None else str(cell) for cell in cells])
    large = any(type(cell) is int and cell >= 2**63 for cell in cells)
    return pa.array(cells, pa.uint64() if large else None)


def tensors(rows: Rows) -> list[dict[str, Any]]:
    """A tensor of the Open Inference Protocol for each column."""
    return [
        {"name": name, "shape": [len(cells), 1], "datatype": _datatype(cells), "data": cells}
        for name, cells in columns(rows).items()
    ]


def matrix(rows: Rows) -> list[dict[str, Any]]:
    """One tensor of numbers for all columns.

    :raises CannotSay: if a column is of texts.
    """
    if "BYTES" in map(_datatype, columns(rows).values()):
        raise CannotSay
    truths = [_datatype(list(cells)) == "BOOL" for cells in zip(*rows.cells, strict=True)]
    flat = [
        int(cell) if truth else cell
        for cells in rows.cells
        for cell, truth in zip(cells, truths, strict=True)
    ]
    datatype = _datatype(flat)
    shape = [len(rows.cells), len(rows.names)]
    return [{"name": "x", "shape": shape, "datatype": datatype, "data": flat}]


def _datatype(cells: list[Any]) -> str:
    """What most cells are: a single other one among them is a client's fault."""
    kinds = [type(cell) for cell in cells if cell is not None]
    if kinds and 2 * kinds.count(str) > len(kinds):
        return "BYTES"
    if kinds and set(kinds) == {bool}:
        return "BOOL"
    if not kinds or float in kinds:
        return "FP64"
    return "UINT64" if any(type(cell) is int and cell >= 2**63 for cell in cells) else "INT64"


RAW = {"FP64": "<f8", "INT64": "<i8", "UINT64": "<u8", "BOOL": "|b1"}


def raw(inputs: list[dict[str, Any]], document: dict[str, Any]) -> dict[str, Any]:
    """Tensors as raw bytes after the JSON, and the header that says where they begin."""
    described, parts = [], []
    for tensor in inputs:
        datatype, part = _bytes(tensor)
        parts.append(part)
        parameters = {"binary_data_size": len(part)}
        described.append(
            {"name": tensor["name"], "shape": tensor["shape"], "datatype": datatype, "parameters": parameters}
        )
    head = orjson.dumps(document | {"inputs": described})
    headers = {"Inference-Header-Content-Length": str(len(head))}
    return {"data": b"".join([head, *parts]), "headers": headers, "content_type": "application/octet-stream"}


def _bytes(tensor: dict[str, Any]) -> tuple[str, bytes]:
    cells, datatype = tensor["data"], tensor["datatype"]
    texts = any(isinstance(cell, str) for cell in cells)
    if texts and (None in cells or tensor["shape"][1] > 1):
        raise CannotSay
    if texts:
        encoded = [str(cell).encode() for cell in cells]
        return "BYTES", b"".join(len(each).to_bytes(4, "little") + each for each in encoded)
    if None in cells:
        cells, datatype = [np.nan if cell is None else cell for cell in cells], "FP64"
    return datatype, np.array(cells, dtype=RAW[datatype]).tobytes()
