"""Scoring of one file: chunks to the service, a few at a time, and its answers to the copy, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from model_service_client.answers import document_of, member
from model_service_client.batches import Send
from model_service_client.cells import rows_body
from model_service_client.errors import ClientError, Fault, sentence
from model_service_client.rows import JSON, Part, Rows, answers
from model_service_client.scoring.files import Reader, replacing
from model_service_client.scoring.formats import opened
from model_service_client.scoring.progress import progress

QUERY = "?format=columns&errors=rows&extra=ignore"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows of a request, requests at a time, and whether progress is shown."""

    rows: int
    requests: int
    shown: bool | None


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


def score(file: Path, out: Path, info: Mapping[str, Any], send: Send, prefix: str, pace: Pace) -> Summary:
    """Write the copy; see `Client.score`.

    :param info: the model, as the service describes it.
    """
    began, rows, rejected = monotonic(), 0, 0
    if out.suffix.lower() != file.suffix.lower() or out.resolve() == file.resolve():
        raise ValueError(f"{out.name}: must be another file than {file.name}, with the same extension")
    with closing(opened(file, info["feature_names"])) as reader:
        scorer = Scorer(send, _kinds(send, info), prefix)
        _check(reader, info["feature_names"], scorer.columns, file.name)
        with (
            replacing(out) as part,
            progress(file.name, shown=pace.shown) as update,
            closing(reader.writer(part, scorer.columns)) as writer,
        ):
            for chunk, results in in_order(reader.chunks(pace.rows), scorer.results, pace.requests):
                writer.write(chunk, results)
                rows += len(chunk)
                rejected += sum(error is not None for error in results[f"{prefix}{ERROR}"])
                update(rows, reader.share())
    return Summary(rows, rejected, list(scorer.versions), round(monotonic() - began, 3))


def _kinds(send: Send, info: Mapping[str, Any]) -> dict[str, type]:
    """The names and types of results, by those of the model's example."""
    document = document_of(send("?format=columns", JSON, JSON, rows_body([info["example"]])))
    return {name: type(values[0]) for name, values in member(document, "columns").items()}


def _check(reader: Reader, columns: Sequence[str], results: Iterable[str], name: str) -> None:
    """:raises ValueError: if the file lacks a column of the model, or has one of the results already."""
    if reader.names is None:
        return
    if missing := [column for column in columns if column not in reader.names]:
        raise ValueError(f"{name}: lacks the columns {', '.join(missing[:5])}")
    if taken := [column for column in results if column in reader.names]:
        raise ValueError(f"{name}: has a column {taken[0]!r} already: choose a prefix for the results")


def in_order(
    chunks: Iterator[Rows], work: Callable[[Rows], dict[str, list[Any]]], requests: int
) -> Iterator[tuple[Rows, dict[str, list[Any]]]]:
    """Each chunk with its results; so many are worked on at a time, and no more are read ahead."""
    waiting: deque[tuple[Rows, Future[dict[str, list[Any]]]]] = deque()
    with ThreadPoolExecutor(requests) as pool:
        try:
            for chunk in chunks:
                waiting.append((chunk, pool.submit(work, chunk)))
                if len(waiting) > requests:
                    done, results = waiting.popleft()
                    yield done, results.result()
            while waiting:
                done, results = waiting.popleft()
                yield done, results.result()
        finally:
            pool.shutdown(cancel_futures=True)
