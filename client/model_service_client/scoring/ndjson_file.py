"""NDJSON files: a row of JSON in each line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from model_service_client.errors import Fault, invalid
from model_service_client.rows import NDJSON
from model_service_client.scoring.files import Results


@dataclass(frozen=True)
class LineRows:
    """Lines, each an object by column name or a list in training order."""

    lines: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, positions: Sequence[int]) -> "LineRows":
        """These rows of them."""
        return LineRows([self.lines[position] for position in positions])

    def encode(self) -> tuple[str, bytes]:
        """The lines as they are.

        :raises InvalidInput: naming those that are no rows.
        """
        reason = "is no object and no list of JSON"
        faults = [
            Fault(row=row, reason=reason) for row, line in enumerate(self.lines) if parsed(line) is None
        ]
        if faults:
            raise invalid(faults)
        return NDJSON, b"\n".join(self.lines)


class LineReader:
    """An NDJSON file; empty lines are left out."""

    names: Sequence[str] | None = None

    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size
        self._file = path.open("rb")

    def chunks(self, count: int) -> Iterator[LineRows]:
        """Its rows, so many at a time."""
        kept = (line.strip() for line in self._file if line.strip())
        while lines := list(islice(kept, count)):
            yield LineRows(lines)

    def share(self) -> float:
        """How much of it has been read."""
        return self._file.tell() / max(self._size, 1)

    def writer(self, path: Path, kinds: Mapping[str, type]) -> "LineWriter":
        """The start of a copy."""
        return LineWriter(path)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class LineWriter:
    """Each row as an object with its results; one that was a list is its ``features``."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("x", encoding="utf-8")

    def write(self, rows: LineRows, results: Results) -> None:
        """Add rows and their results.

        :raises ValueError: if a row has a member of the same name.
        """
        for line, *values in zip(rows.lines, *results.values(), strict=True):
            row = parsed(line)
            if row is None:
                row = {"line": line.decode(errors="replace")}
            elif isinstance(row, list):
                row = {"features": row}
            if taken := row.keys() & results.keys():
                raise ValueError(f"a row has {min(taken)!r} already: choose a prefix for the results")
            json.dump(row | dict(zip(results, values, strict=True)), self._file)
            self._file.write("\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def parsed(line: bytes) -> Any:
    """The row of a line; None if it is none."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict | list) else None
