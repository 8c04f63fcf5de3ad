"""Arrow streams and files, and Parquet: bodies of typed columns. Importing it needs pyarrow."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from flask import current_app

from app.api.formats.arrow_columns import columns_of_table, table_of
from app.api.formats.decoding import Decoding, check_rows
from app.api.formats.results import result_columns
from app.exceptions import InvalidInput
from app.models.prediction import Prediction
from app.models.schema.column_arrays import Columns

# Times the longest body: columns that are compressed, or written with a dictionary, take more in memory.
EXPANSION = 8


def _bound() -> int:
    return EXPANSION * int(current_app.config["MAX_CONTENT_LENGTH"])


def _read(what: str, read: Callable[[], pa.Table], decoding: Decoding) -> Columns:
    try:
        table = read()
        table.validate(full=True)  # what a stranger wrote: offsets may point anywhere
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [""])[0][:200]
        raise InvalidInput([{"reason": reason}], message=f"The body is not valid {what}") from None
    return columns_of_table(table, decoding.known)


def decode_stream(raw: bytes, decoding: Decoding) -> Columns:
    """An Arrow stream, batch by batch, so that it is not longer than allowed in memory either."""
    return _read("Arrow", lambda: _batches(pa.ipc.open_stream(raw)), decoding)


def decode_file(raw: bytes, decoding: Decoding) -> Columns:
    """An Arrow file."""
    return _read("Arrow", lambda: _batches(pa.ipc.open_file(raw)), decoding)


def _batches(reader: Any) -> pa.Table:
    if hasattr(reader, "num_record_batches"):
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
    else:
        batches = iter(reader)
    kept, rows, size = [], 0, 0
    for batch in batches:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > current_app.config["MAX_ROWS"] or size > _bound():
            break
        kept.append(batch)
    _check(rows, size)
    return pa.Table.from_batches(kept, reader.schema)


def _check(rows: int, size: int) -> None:
    check_rows(rows)
    if size > (bound := _bound()):
        raise InvalidInput([{"reason": f"takes more than {bound} bytes in memory"}])


def decode_parquet(raw: bytes, decoding: Decoding) -> Columns:
    """A Parquet file, whose sizes are checked before any column is read."""

    def read() -> pa.Table:
        with pa.BufferReader(raw) as source:
            schema = pq.read_schema(source)
            texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
            source.seek(0)
            file = pq.ParquetFile(source, read_dictionary=texts)
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            _check(file.metadata.num_rows, sum(group.total_byte_size for group in groups))
            return file.read(use_threads=False)

    return _read("Parquet", read, decoding)


def encode_stream(prediction: Prediction, outputs: tuple[str, ...]) -> bytes:
    """The result columns as an Arrow stream."""
    return _written(pa.ipc.new_stream, table_of(result_columns(prediction, outputs)))


def encode_file(prediction: Prediction, outputs: tuple[str, ...]) -> bytes:
    """The result columns as an Arrow file."""
    return _written(pa.ipc.new_file, table_of(result_columns(prediction, outputs)))


def _written(new_writer: Callable[..., Any], table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with new_writer(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def encode_parquet(prediction: Prediction, outputs: tuple[str, ...]) -> bytes:
    """The result columns as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table_of(result_columns(prediction, outputs)), sink)
    return bytes(sink.getvalue())
