"""Files of rows, CSV, NDJSON or Parquet, and copies of them with further columns."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

from model_service_client.bodies import ListRows, TableRows
from model_service_client.rows import Rows

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:  # then there is no Parquet
    pa = None

ENCODING = "utf-8-sig"  # with or without a mark of byte order
# Lists of values by column; None where a row has no prediction.
Results = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class CsvRows:
    """Records below a header; the service itself reads the cells."""

    names: Sequence[str]
    records: Sequence[list[str]]

    def __len__(self) -> int:
        return len(self.records)

    def take(self, positions: Sequence[int]) -> "CsvRows":
        """These rows of them."""
        return replace(self, records=[self.records[position] for position in positions])

    def encode(self) -> tuple[str, bytes]:
        """CSV of these rows."""
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.names, *self.records])
        return "text/csv; header=present", text.getvalue().encode()


class CsvFile:
    """CSV in UTF-8 with a header; the delimiter is the one that divides the header most."""

    def __init__(self, path: Path) -> None:
        with path.open(encoding=ENCODING, newline="") as file:
            self._delimiter = max(",;\t|", key=file.readline().count)
            file.seek(0)
            self.names: list[str] = next(csv.reader(file, delimiter=self._delimiter), [])
        self._size = path.stat().st_size
        self._bytes = path.open("rb")
        self._text = TextIOWrapper(self._bytes, ENCODING, newline="")

    def chunks(self, count: int) -> Iterator[tuple[list[list[str]], Rows]]:
        """Its records, so many at a time, and the rows in them."""
        found = islice(csv.reader(self._text, delimiter=self._delimiter), 1, None)
        kept = (record for record in found if record or len(self.names) == 1)
        while records := list(islice(kept, count)):
            yield records, CsvRows(self.names, records)

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""
        return self._bytes.tell() / max(self._size, 1)

    @contextmanager
    def copy(self, path: Path, kinds: Mapping[str, type]) -> Iterator["CsvFile"]:
        """Open a copy with these further columns."""
        with self._text, path.open("x", encoding="utf-8", newline="") as file:
            self._copy = csv.writer(file, delimiter=self._delimiter, lineterminator="\n")
            self._copy.writerow([*self.names, *kinds])
            yield self

    def write(self, records: Sequence[list[str]], results: Results) -> None:
        """Add records with their results; one of another width was rejected, and is cut or filled."""
        width = len(self.names)
        for record, *cells in zip(records, *results.values(), strict=True):
            fields = [*record, *[""] * (width - len(record))][:width]
            self._copy.writerow(fields + [str(c).lower() if isinstance(c, bool) else c for c in cells])


class LineFile:
    """NDJSON: each line an object by column name or a list in training order; empty lines are left out."""

    names = None  # each row has its own

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._size, self._columns = path.stat().st_size, columns
        self._file = path.open("rb")

    def chunks(self, count: int) -> Iterator[tuple[list[Any], Rows]]:
        """What is in its lines, so many at a time, and the rows in them: columns that the model takes."""
        kept = (_parsed(line) for line in self._file if line.strip())
        while lines := list(islice(kept, count)):
            yield lines, ListRows([self._row(line) for line in lines])

    def _row(self, line: Any) -> Any:
        return (
            {name: line[name] for name in self._columns if name in line} if isinstance(line, dict) else line
        )

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""
        return self._file.tell() / max(self._size, 1)

    @contextmanager
    def copy(self, path: Path, kinds: Mapping[str, type]) -> Iterator["LineFile"]:
        """Open a copy."""
        with self._file, path.open("x", encoding="utf-8") as self._copy:
            yield self

    def write(self, lines: Sequence[Any], results: Results) -> None:
        """Add each line as an object with its results: a list as ``features``, what is no row as ``line``.

        :raises ValueError: if a row has a member of the same name.
        """
        for line, *values in zip(lines, *results.values(), strict=True):
            row = line if isinstance(line, dict) else {"features" if isinstance(line, list) else "line": line}
            if taken := row.keys() & results.keys():
                raise ValueError(f"a row has {min(taken)!r} already: choose a prefix for the results")
            json.dump(row | dict(zip(results, values, strict=True)), self._copy)
            self._copy.write("\n")


def _parsed(line: bytes) -> Any:
    """The row in a line; the text of the line if there is none."""
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    return row if isinstance(row, dict | list) else line.decode(errors="replace").strip()


class ParquetFile:
    """Parquet, by pyarrow."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = pq.ParquetFile(path)
        self.names: list[str] = self._file.schema_arrow.names
        self._columns = [name for name in self.names if name in set(columns)]
        self._read = 0

    def chunks(self, count: int) -> Iterator[tuple[Any, Rows]]:
        """Its tables, of so many rows at most, and the columns in them that the model takes."""
        for batch in filter(len, self._file.iter_batches(count)):
            self._read += len(batch)
            table = pa.Table.from_batches([batch])
            yield table, TableRows(table.select(self._columns))

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""
        return self._read / max(int(self._file.metadata.num_rows), 1)

    @contextmanager
    def copy(self, path: Path, kinds: Mapping[str, type]) -> Iterator["ParquetFile"]:
        """Open a copy with these further columns."""
        types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
        schema = self._file.schema_arrow
        for name, kind in kinds.items():
            schema = schema.append(pa.field(name, types[kind]))
        with self._file, pq.ParquetWriter(path, schema) as self._copy:
            yield self

    def write(self, table: Any, results: Results) -> None:
        """Add a table with its results.

        :raises ValueError: if these are of other types than before.
        """
        for name, values in results.items():
            column = pa.array(values, self._copy.schema.field(name).type)
            table = table.append_column(self._copy.schema.field(name), column)
        self._copy.write_table(table)


RowFile = CsvFile | LineFile | ParquetFile


def opened(path: Path, columns: Sequence[str]) -> RowFile:
    """A file by its extension.

    :param columns: those that the model takes.
    :raises ValueError: for an unknown one, and where the library that reads it is not installed.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        return CsvFile(path)
    if kind in (".ndjson", ".jsonl"):
        return LineFile(path, columns)
    if kind not in (".parquet", ".pq"):
        raise ValueError("must be .csv, .parquet, .ndjson or .jsonl")
    if pa is None:
        raise ValueError("Parquet needs pyarrow, which is not installed")
    return ParquetFile(path, columns)
