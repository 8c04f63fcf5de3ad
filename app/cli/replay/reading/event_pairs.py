"""CloudEvents of KServe's logger: one line for a request, another for its answer, with the same id.

https://kserve.github.io/website/docs/model-serving/predictive-inference/logger/basic-logger
"""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from app.cli.replay.reading.exchange import Exchange, NotReplayable

TYPE = "org.kubeflow.serving.inference."
KINDS = ("request", "response")
# The members of a dumped HTTP message that may hold the headers and the body.
HEADERS, BODIES = ("headers", "attributes"), ("data", "body", "data_base64")


class Event(NamedTuple):
    """One half of an exchange; ``kind`` is one of `KINDS`."""

    kind: str
    id: str
    data: Any


class Waiting(NamedTuple):
    """An event whose other half has not come yet, and its line."""

    line: int
    event: Event


class EventPairs:
    """Finds the other half of each event, in whichever order they come."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    def event(self, members: Mapping[str, Any]) -> Event | None:
        """A line as an event, or None if it is none of KServe's.

        :raises NotReplayable: if it is one without an id, or with a body that is not JSON.
        """
        attributes = _attributes(members)
        kind = str(attributes.get("type", "")).removeprefix(TYPE)
        if kind not in KINDS or attributes["type"] == kind:
            return None
        if not isinstance(identity := attributes.get("id"), str):
            raise NotReplayable("an event without an id")
        return Event(kind, identity, _data(members))

    def paired(self, line: int, event: Event) -> Iterator[Exchange]:
        """The exchange that is complete with this event, if it is."""
        other = self._waiting.pop(event.id, None)
        if other is None or other.event.kind == event.kind:
            self._waiting[event.id] = Waiting(line, event)
            if other is not None:
                raise NotReplayable("an event that came twice")
            return
        asked, answer = (other.event, event) if event.kind == "response" else (event, other.event)
        asked_in = other.line if event.kind == "response" else line
        yield Exchange(asked_in, asked.data, answer.data, v1=True)

    def unpaired(self) -> Iterator[tuple[int, str]]:
        """Lines whose other half did not come, and what is missing."""
        for line, event in self._waiting.values():
            missing = "an answer" if event.kind == "request" else "its request"
            yield line, f"an event without {missing}"


def _attributes(members: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of an event by their names, whether members or headers such as ``Ce-Id``."""
    found: dict[str, Any] = {}
    for source in (members, *(members.get(name) for name in HEADERS)):
        if isinstance(source, dict):
            for name, value in source.items():
                first = value[0] if isinstance(value, list) and value else value
                found[name.lower().replace("_", "-").removeprefix("ce-")] = first
    return found


def _data(members: Mapping[str, Any]) -> Any:
    name = next((name for name in BODIES if members.get(name) is not None), None)
    if name is None:
        raise NotReplayable("an event without data")
    data = members[name]
    try:
        if name == "data_base64":
            data = b64decode(data)
        return json.loads(data) if isinstance(data, bytes | str) else data
    except (ValueError, TypeError, RecursionError):
        raise NotReplayable("an event whose data is not JSON") from None
