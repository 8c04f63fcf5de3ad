"""Scoring of one file: chunks to the service, a few at a time, and its answers to the copy, in order."""

import csv
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from model_service_client.answers import document_of, member
from model_service_client.bodies import JSON, rows_body
from model_service_client.errors import ClientError, Fault, sentence
from model_service_client.files import Results, opened
from model_service_client.rows import Part, Rows, Send, answers

QUERY = "?format=columns&errors=rows&extra=ignore"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of a file: all its rows, those that were rejected, and the versions that predicted."""

    rows: int
    rejected: int
    versions: list[str]
    seconds: float


@dataclass
class Scorer:
    """Rows to results by column: lists of values, None for rows that were rejected, and their errors.

    ``kinds``: the type of each result.
    """

    send: Send
    kinds: Mapping[str, type]
    prefix: str
    versions: dict[str, None] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, type]:
        """The further columns of the copy, the errors last."""
        return {f"{self.prefix}{name}": kind for name, kind in {**self.kinds, ERROR: str}.items()}

    def results(self, rows: Rows) -> dict[str, list[Any]]:
        """The results of a chunk, by the names of their columns.

        :raises ClientError: if no row is at fault.
        """
        found: dict[str, list[Any]] = {name: [None] * len(rows) for name in (*self.kinds, ERROR)}
        for part in answers(rows, self._ask, by_row=True):
            self._note(part, found)
        return {f"{self.prefix}{name}": values for name, values in found.items()}

    def _ask(self, media_type: str, body: bytes) -> tuple[dict[str, list[Any]], dict[int, list[Fault]]]:
        document = document_of(self.send(QUERY, media_type, JSON, body))
        self.versions[document.get("model_version", "")] = None
        rejected = {each["sample_id"]: each["errors"] for each in document.get("rejected_samples", ())}
        columns: dict[str, list[Any]] = member(document, "columns")
        if columns.keys() != self.kinds.keys():
            raise ClientError(f"the model's outputs changed, with version {document.get('model_version')}")
        return columns, rejected

    def _note(self, part: Part, found: dict[str, list[Any]]) -> None:
        for name, values in (part.content or {}).items():
            for position, value in zip(part.positions, values, strict=True):
                found[name][position] = value
        for position, faults in part.faults.items():
            found[ERROR][position] = "; ".join(sentence(fault, row=False) for fault in faults)


def score(
    file: Path,
    out: Path,
    info: Mapping[str, Any],
    send: Send,
    prefix: str,
    rows: int,
    requests: int,
    *,
    shown: bool | None,
) -> Summary:
    """Write the copy; see `Client.score`.

    :param info: the model, as the service describes it.
    :raises ValueError: for a file that cannot be scored.
    """
    began, total, rejected = monotonic(), 0, 0
    if out.suffix.lower() != file.suffix.lower() or out.resolve() == file.resolve():
        raise ValueError(f"{out.name}: must be another file than {file.name}, with the same extension")
    scorer = Scorer(send, _kinds(send, info), prefix)
    with (
        _named(file),
        _replacing(out) as part,
        _progress(file.name, shown=shown) as update,
        opened(file, info["feature_names"]).copy(part, scorer.columns) as copy,
    ):
        _check(copy.names, info["feature_names"], scorer.columns)
        for records, results in in_order(copy.chunks(rows), scorer.results, requests):
            copy.write(records, results)
            total += len(records)
            rejected += sum(error is not None for error in results[f"{prefix}{ERROR}"])
            update(total, copy.share())
    return Summary(total, rejected, list(scorer.versions), round(monotonic() - began, 3))


def _kinds(send: Send, info: Mapping[str, Any]) -> dict[str, type]:
    """The names and types of results, by those of the model's example."""
    document = document_of(send("?format=columns", JSON, JSON, rows_body([info["example"]])))
    return {name: type(values[0]) for name, values in member(document, "columns").items()}


def _check(names: Sequence[str] | None, columns: Sequence[str], results: Iterable[str]) -> None:
    """:raises ValueError: if the file lacks a column of the model, or has one of the results already."""
    if names is None:
        return
    if not names:
        raise ValueError("has no header")
    if missing := [column for column in columns if column not in names]:
        raise ValueError(f"lacks the columns {', '.join(missing[:5])}")
    if taken := [column for column in results if column in names]:
        raise ValueError(f"has a column {taken[0]!r} already: choose a prefix for the results")


def in_order(
    chunks: Iterator[tuple[Any, Rows]], work: Callable[[Rows], Results], requests: int
) -> Iterator[tuple[Any, Results]]:
    """Chunks of the file with their results; so many are worked on at a time, and no more are read ahead."""
    waiting: deque[tuple[Any, Future[Results]]] = deque()
    with ThreadPoolExecutor(requests) as pool:
        try:
            for records, rows in chunks:
                waiting.append((records, pool.submit(work, rows)))
                if len(waiting) > requests:
                    done, results = waiting.popleft()
                    yield done, results.result()
            while waiting:
                done, results = waiting.popleft()
                yield done, results.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path to write to, in the same folder: becomes ``path`` at the end, or vanishes after an error."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress(name: str, *, shown: bool | None) -> Iterator[Callable[[int, float], None]]:
    """Show rows, and the share of the file that was read, on stderr, where rich is installed.

    :param shown: whether to; unless it is said, only on a terminal.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield lambda rows, share: None
        return
    console = Console(stderr=True)
    columns = (TextColumn(name), BarColumn(), TextColumn("{task.fields[rows]:,} rows"), TimeRemainingColumn())
    hidden = not (console.is_terminal if shown is None else shown)
    with Progress(*columns, console=console, disable=hidden) as bar:
        task = bar.add_task(name, total=1.0, rows=0)
        yield lambda rows, share: bar.update(task, completed=share, rows=rows)
