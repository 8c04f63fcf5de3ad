"""Parquet files. Importing it needs pyarrow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from model_service_client.scoring.files import Results

ARROW = "application/vnd.apache.arrow.stream"
TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


@dataclass(frozen=True)
class TableRows:
    """Rows of a table; ``columns`` are those that the model takes."""

    table: pa.Table
    columns: Sequence[str]

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def take(self, positions: Sequence[int]) -> "TableRows":
        """These rows of it."""
        return replace(self, table=self.table.take(list(positions)))

    def encode(self) -> tuple[str, bytes]:
        """The model's columns as an Arrow stream."""
        table = self.table.select(self.columns)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return ARROW, bytes(sink.getvalue())


class ParquetReader:
    """A Parquet file.

    :raises ValueError: if it is none.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = pq.ParquetFile(path)
        self.names = list(self._file.schema_arrow.names)
        self._columns = [name for name in self.names if name in set(columns)]
        self._read = 0

    def chunks(self, count: int) -> Iterator[TableRows]:
        """Its rows, so many at a time at most."""
        for batch in self._file.iter_batches(count):
            self._read += batch.num_rows
            if batch.num_rows:
                yield TableRows(pa.Table.from_batches([batch]), self._columns)

    def share(self) -> float:
        """How much of it has been read."""
        return self._read / max(int(self._file.metadata.num_rows), 1)

    def writer(self, path: Path, kinds: Mapping[str, type]) -> "ParquetWriter":
        """The start of a copy with these further columns."""
        schema = self._file.schema_arrow
        for name, kind in kinds.items():
            schema = schema.append(pa.field(name, TYPES[kind]))
        return ParquetWriter(path, schema)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class ParquetWriter:
    """The table with its results as further columns."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema)

    def write(self, rows: TableRows, results: Results) -> None:
        """Add rows and their results.

        :raises ValueError: if these are of other types than before.
        """
        added = [pa.array(values, self._schema.field(name).type) for name, values in results.items()]
        self._writer.write_table(pa.Table.from_arrays([*rows.table.columns, *added], schema=self._schema))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
