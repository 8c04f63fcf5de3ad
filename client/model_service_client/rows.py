"""Many rows: in chunks that the service takes, with the errors of single ones apart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from model_service_client.answers import Prediction, document_of, member, prediction_of
from model_service_client.bodies import JSON, ArrayRows, ListRows
from model_service_client.errors import Fault, InvalidInput, invalid
from model_service_client.transport import Answer

MOST_ROWS = 10_000  # of a request
MOST_BYTES = 4_000_000  # of a body of several rows; the service takes 10 MB unless it is told otherwise
# Query, media types of body and answer, body.
Send = Callable[[str, str, str, bytes], Answer]
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


def predict_rows(rows: Any, send: Send, *, by_row: bool) -> list[Prediction | InvalidInput]:
    """The predictions for lists, mappings or an array of rows, in order.

    :param by_row: have an error in the place of a row that is rejected.
    """
    query = "?errors=rows" if by_row else ""

    def ask(media_type: str, body: bytes) -> tuple[list[Prediction], dict[int, list[Fault]]]:
        return _results(document_of(send(query, media_type, JSON, body)))

    found: dict[int, Prediction | InvalidInput] = {}
    for part in answers(_rows(rows), ask, by_row=by_row):
        found |= zip(part.positions, part.content or (), strict=True)
        found |= {row: invalid(faults) for row, faults in part.faults.items()}
    return [found[position] for position in range(len(found))]


def _rows(rows: Any) -> Rows:
    if hasattr(rows, "dtype") and hasattr(rows, "ndim"):
        if rows.ndim != 2:
            raise ValueError(f"an array of rows has two dimensions, not {rows.ndim}")
        return ArrayRows(rows)
    return ListRows(rows if isinstance(rows, Sequence) else list(rows))


def _results(document: dict[str, Any]) -> tuple[list[Prediction], dict[int, list[Fault]]]:
    """The predictions of a batch, and the errors of the other rows by position."""
    envelope = {key: document.get(key) for key in ("model_version", "request_id")}
    warnings: dict[int, list[dict[str, Any]]] = {}
    for warning in document.get("warnings", ()):
        warnings.setdefault(warning["row"], []).append(warning)
    found, rejected = [], {}
    for row, result in enumerate(member(document, "results")):
        if "error" in result:
            rejected[row] = result["details"]["errors"]
        else:
            found.append(prediction_of(result, envelope | {"warnings": warnings.get(row)}))
    return found, rejected
