"""Many rows: in chunks that the service takes, with the errors of single ones apart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Protocol

from model_service_client.cells import lines_body, rows_body
from model_service_client.errors import Fault, InvalidInput, invalid

JSON, NDJSON, NPY = "application/json", "application/x-ndjson", "application/x-npy"
SHORT = 50  # rows up to which JSON costs least; the service takes 100 unless it is told otherwise
MOST_ROWS = 10_000  # of a request
MOST_BYTES = 4_000_000  # of a body of several rows; the service takes 10 MB unless it is told otherwise
UNTOLD = "the service rejected this row, and did not say why"


class Rows(Protocol):
    """Rows that can be sent."""

    def __len__(self) -> int: ...

    def take(self, positions: Sequence[int]) -> "Rows":
        """These rows of them."""

    def encode(self) -> tuple[str, bytes]:
        """Media type and body.

        :raises InvalidInput: naming rows that cannot be sent.
        """


@dataclass(frozen=True)
class ListRows:
    """Lists in training order, or mappings by column name."""

    rows: Sequence[Any]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: Sequence[int]) -> "ListRows":
        """These rows of them."""
        return ListRows([self.rows[position] for position in positions])

    def encode(self) -> tuple[str, bytes]:
        """JSON, or NDJSON of more rows than JSON may have."""
        if len(self.rows) <= SHORT:
            return JSON, rows_body(self.rows)
        return NDJSON, lines_body(self.rows)


@dataclass(frozen=True)
class ArrayRows:
    """A two-dimensional array of NumPy's, in training order."""

    array: Any

    def __len__(self) -> int:
        return len(self.array)

    def take(self, positions: Sequence[int]) -> "ArrayRows":
        """These rows of it."""
        return ArrayRows(self.array[list(positions)])

    def encode(self) -> tuple[str, bytes]:
        """As npy, unless they are few or no numbers."""
        if len(self.array) <= SHORT or self.array.dtype.kind not in "fiub":
            return ListRows(list(self.array)).encode()
        from numpy.lib import format as npy

        file = BytesIO()
        npy.write_array(file, self.array, allow_pickle=False)
        return NPY, file.getvalue()


@dataclass(frozen=True)
class Part:
    """The answer for one chunk.

    ``positions``: of the rows that ``content`` is about, among all rows. ``faults``: of the others.
    """

    positions: Sequence[int]
    content: Any
    faults: dict[int, list[Fault]] = field(default_factory=dict)


# The content for a body of a media type, and the errors of rows in it.
Ask = Callable[[str, bytes], tuple[Any, dict[int, list[Fault]]]]


def answers(rows: Rows, ask: Ask, *, by_row: bool, start: int = 0) -> Iterator[Part]:
    """The answers for all rows, chunk by chunk, in order.

    :param by_row: go on without the rows that are rejected.
    :param start: the position of the first row.
    :raises InvalidInput: naming rows by their position, unless ``by_row``; and whatever is no row's fault.
    """
    if len(rows) > MOST_ROWS:
        yield from _split(rows, ask, MOST_ROWS, by_row=by_row, start=start)
        return
    kept: list[int] = list(range(len(rows)))
    faults: dict[int, list[Fault]] = {}
    while kept:
        chosen = rows.take(kept) if faults else rows
        try:
            media_type, body = chosen.encode()
            if len(body) > MOST_BYTES and len(kept) > 1 and not faults:
                yield from _split(rows, ask, (len(kept) + 1) // 2, by_row=by_row, start=start)
                return
            content, rejected = ask(media_type, body)
        except InvalidInput as error:
            if not by_row:
                raise _moved(error, start) from None
            content, rejected = None, _by_row(error)
        found = {start + kept[row]: _at(errors, start + kept[row]) for row, errors in rejected.items()}
        faults |= found
        kept = [row for row in kept if start + row not in found]
        if content is not None:
            yield Part([start + row for row in kept], content, faults)
            return
    yield Part([], None, faults)


def _split(rows: Rows, ask: Ask, count: int, *, by_row: bool, start: int) -> Iterator[Part]:
    for first in range(0, len(rows), count):
        chunk = rows.take(range(first, min(first + count, len(rows))))
        yield from answers(chunk, ask, by_row=by_row, start=start + first)


def _by_row(error: InvalidInput) -> dict[int, list[Fault]]:
    """The errors of rows; raises ``error`` if it has another one."""
    found: dict[int, list[Fault]] = {}
    for fault in error.errors:
        if "row" not in fault:
            raise error
        found.setdefault(fault["row"], []).append(fault)
    if not found:
        raise error
    return found


def _at(faults: Sequence[Fault], row: int) -> list[Fault]:
    return [{**fault, "row": row} for fault in faults] or [{"row": row, "reason": UNTOLD}]


def _moved(error: InvalidInput, start: int) -> InvalidInput:
    """The error with rows counted from the first of all."""
    if not start:
        return error
    moved: list[Fault] = [{**f, "row": f["row"] + start} if "row" in f else f for f in error.errors]
    return invalid(moved, like=error)
