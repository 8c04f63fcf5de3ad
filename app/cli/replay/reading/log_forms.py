"""Forms of request logs, recognised by the members of each line: JSON lines to exchanges."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.cli.replay.reading.event_pairs import EventPairs
from app.cli.replay.reading.exchange import FIRST_ERROR, Exchange, NotReplayable
from app.cli.replay.reading.service_log import is_service_line, service_exchanges

STATUSES = ("status_code", "response_status_code", "status")


class LogReader:
    """Reads the lines of one log, whose forms may be mixed."""

    def __init__(self) -> None:
        self._events = EventPairs()

    def read(self, line: int, text: bytes) -> Iterator[Exchange]:
        """The exchanges that are complete with this line: mostly one, none after one half of a pair.

        :raises NotReplayable: if it is of no known form, or says too little.
        """
        members = parsed(text, otherwise="not JSON")
        if not isinstance(members, dict):
            raise NotReplayable("not a JSON object")
        if event := self._events.event(members):
            yield from self._events.paired(line, event)
        elif is_service_line(members):
            yield from service_exchanges(line, members)
        elif "request" in members:
            yield _logged(line, members)
        else:
            raise NotReplayable("of no known form")

    def unpaired(self) -> Iterator[tuple[int, str]]:
        """Lines whose other half did not come until the end, and what is missing."""
        return self._events.unpaired()


def parsed(text: Any, *, otherwise: str) -> Any:
    """The JSON value of a text; whatever is no text is a value already.

    :param otherwise: the message if it is malformed.
    :raises NotReplayable: if it is malformed.
    """
    if not isinstance(text, bytes | str):
        return text
    try:
        return json.loads(text)  # other than orjson it takes NaN, and keeps large integers
    except (ValueError, RecursionError):
        raise NotReplayable(otherwise) from None


def _logged(line: int, members: Mapping[str, Any]) -> Exchange:
    """``request`` and ``response`` as JSON text or objects: inference tables of Databricks and MLflow, and
    the plain form.

    https://docs.databricks.com/aws/en/machine-learning/model-serving/inference-tables
    """
    status = next((members[name] for name in STATUSES if isinstance(members.get(name), int)), 200)
    response = members.get("response")
    if status < FIRST_ERROR:
        response = parsed(response, otherwise="the answer is not JSON")
        if response is None:
            raise NotReplayable("without an answer")
    path = members.get("path")
    return Exchange(
        line,
        parsed(members["request"], otherwise="the request is not JSON"),
        response,
        status=status,
        path=path if isinstance(path, str) else None,
    )
