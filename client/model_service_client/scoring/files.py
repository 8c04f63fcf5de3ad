"""What a file of rows is to scoring, and a file that appears only when it is complete."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from model_service_client.rows import Rows

# Lists of values by column; None where a row has no prediction.
Results = Mapping[str, Sequence[Any]]


class Writer(Protocol):
    """The copy."""

    def write(self, rows: Any, results: Results) -> None:
        """Add rows that the reader made, and their results."""

    def close(self) -> None:
        """Finish the file."""


class Reader(Protocol):
    """The file."""

    @property
    def names(self) -> Sequence[str] | None:
        """Of its columns, or None where each row has its own."""

    def chunks(self, count: int) -> Iterator[Rows]:
        """Its rows, so many at a time."""

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""

    def writer(self, path: Path, kinds: Mapping[str, type]) -> Writer:
        """The start of a copy with these further columns."""

    def close(self) -> None:
        """Close it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder: becomes ``path`` at the end, or vanishes after an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
