"""The service's own log with ``LOG_INPUTS=true``: lines with rows and results to exchanges."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from app.cli.replay.reading.exchange import Exchange, NotReplayable

# Rows a request: the default of MAX_BATCH_SIZE. Other protocols may have sent more of them at a time.
MOST_ROWS = 100


def is_service_line(members: Mapping[str, Any]) -> bool:
    """Whether a line is one of the service's own log; all have an ``event``."""
    return isinstance(members.get("event"), str) and "level" in members and "timestamp" in members


def service_exchanges(line: int, members: Mapping[str, Any]) -> Iterator[Exchange]:
    """The rows of a line as native requests, whatever protocol they came by.

    :raises NotReplayable: if there are none, or no results.
    """
    if members["event"] != "request" or not members.get("rows"):
        raise NotReplayable("a line of this service without a prediction")
    if not members.get("inputs"):
        raise NotReplayable("a line of this service without rows, which LOG_INPUTS=true adds")
    rows = list(chain.from_iterable(map(_rows, members["inputs"])))
    results = list(chain.from_iterable(members.get("predictions") or ()))
    if len(rows) != len(results):
        raise NotReplayable("a line of this service without results")
    prefix = f"/api/models/{members['model']}" if "model" in members else "/api"
    if len(rows) == 1:
        yield Exchange(line, {"features": rows[0]}, {"result": results[0]}, path=f"{prefix}/predict")
        return
    for first in range(0, len(rows), MOST_ROWS):
        part = slice(first, first + MOST_ROWS)
        asked, answered = {"samples": rows[part]}, {"results": results[part]}
        yield Exchange(line, asked, answered, path=f"{prefix}/predict/batch", first_row=first)


def _rows(inputs: Any) -> list[Any]:
    """The rows of one prediction; a table with names of columns as objects by them."""
    if not isinstance(inputs, dict):
        return list(inputs)
    return [dict(zip(inputs["columns"], row, strict=True)) for row in inputs["rows"]]
