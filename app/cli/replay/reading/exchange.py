"""Exchange: a request of a log, and what was answered to it."""

from dataclasses import dataclass
from typing import Any

FIRST_ERROR = 400  # HTTP statuses from here on are refusals


class NotReplayable(Exception):
    """A line that cannot be sent again; the message says why, in words that many lines share."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, its body and its answer as JSON values.

    :param line: of the log, from 1.
    :param path: that the request was sent to, if the log has it.
    :param v1: the log is that of a server of the protocol V1, which shows in no body.
    :param first_row: position of the request's first row among those of the line.
    """

    line: int
    request: Any
    response: Any
    status: int = 200
    path: str | None = None
    v1: bool = False
    first_row: int = 0

    @property
    def answered(self) -> bool:
        """Whether the old server did not refuse it."""
        return self.status < FIRST_ERROR
