"""CSV files: records as they stand, so that the service itself reads the cells."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TextIO

from model_service_client.scoring.files import Results

DELIMITERS = ",;\t|"
ENCODING = "utf-8-sig"  # with or without a mark of byte order


@dataclass(frozen=True)
class CsvRows:
    """Records below a header."""

    header: str
    delimiter: str
    records: Sequence[str]

    def __len__(self) -> int:
        return len(self.records)

    def take(self, positions: Sequence[int]) -> "CsvRows":
        """These rows of them."""
        return replace(self, records=[self.records[position] for position in positions])

    def encode(self) -> tuple[str, bytes]:
        """CSV of these rows."""
        media_type = f'text/csv; header=present; delimiter="{self.delimiter}"'
        return media_type, "\n".join((self.header, *self.records)).encode()


class CsvReader:
    """A CSV file in UTF-8 with a header; the delimiter is the one that divides the header most.

    :raises ValueError: if there is no header.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, path.stat().st_size
        self.delimiter, self.header, self.names = _header(path)
        if not self.names:
            raise ValueError(f"{path.name}: has no header")
        self._bytes = path.open("rb")
        self._text = TextIOWrapper(self._bytes, encoding=ENCODING, newline="")

    def chunks(self, count: int) -> Iterator[CsvRows]:
        """Its rows, so many at a time.

        :raises ValueError: if it is not CSV in UTF-8.
        """
        found = _records(self._text, self.delimiter)
        kept = (record for record, fields in found if fields or len(self.names) == 1)
        with _named(self._path):
            next(kept)  # the header
            while records := list(islice(kept, count)):
                yield CsvRows(self.header, self.delimiter, records)

    def share(self) -> float:
        """How much of it has been read."""
        return self._bytes.tell() / max(self._size, 1)

    def writer(self, path: Path, kinds: Mapping[str, type]) -> "CsvWriter":
        """The start of a copy with these further columns."""
        return CsvWriter(path, self, tuple(kinds))

    def close(self) -> None:
        """Close it."""
        self._text.close()


class CsvWriter:
    """Each record with the cells of its results behind it."""

    def __init__(self, path: Path, source: CsvReader, names: Sequence[str]) -> None:
        self._file = path.open("x", encoding="utf-8", newline="")
        self._delimiter, self._width, self._names = source.delimiter, len(source.names), names
        self._cells = csv.writer(self._file, delimiter=source.delimiter, lineterminator="\n")
        self._file.write(source.header + source.delimiter)
        self._cells.writerow(names)

    def write(self, rows: CsvRows, results: Results) -> None:
        """Add rows and their results."""
        for record, *cells in zip(rows.records, *(results[name] for name in self._names), strict=True):
            cells = [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]
            fields = [] if cells[-1] is None else fields_of(record, self._delimiter)
            if fields and len(fields) != self._width:  # which is why it was rejected
                self._cells.writerow([*fields, *[""] * self._width][: self._width] + cells)
                continue
            self._file.write(record + self._delimiter)
            self._cells.writerow(cells)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def fields_of(record: str, delimiter: str) -> list[str]:
    """The cells of one record."""
    return next(csv.reader([record], delimiter=delimiter), [])


def _records(file: TextIO, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Each record as it stands, without its line end, and its fields."""
    taken: list[str] = []

    def noted() -> Iterator[str]:
        for line in file:
            taken.append(line)
            yield line

    for fields in csv.reader(noted(), delimiter=delimiter):
        yield "".join(taken).rstrip("\r\n"), fields
        taken.clear()


def _header(path: Path) -> tuple[str, str, Sequence[str]]:
    """The delimiter, the header as it stands, and the names in it."""
    with _named(path), path.open(encoding=ENCODING, newline="") as file:
        first = file.readline()
        delimiter = max(DELIMITERS, key=lambda each: len(fields_of(first, each)))
        file.seek(0)
        return (delimiter, *next(_records(file, delimiter), ("", ())))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from None
