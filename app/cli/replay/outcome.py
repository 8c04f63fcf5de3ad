"""Outcome of a replay: how many rows were answered how, the worst of them, and the lines left out."""

import heapq
import json
from collections import Counter
from typing import Any, NamedTuple

from app.cli.replay.answers import Answer, reason_of, reason_of_row, rows_of
from app.cli.replay.reading.exchange import Exchange
from app.cli.replay.row_comparison import EQUAL, FLOAT32, FORM, KINDS, LABEL, compare

REFUSED_HERE = "refused_here"
ANSWERED_HERE = "refused_there"
REFUSED_BOTH = "refused_by_both"
# Of each row; what a client notices most stands last.
OUTCOMES = (ANSWERED_HERE, REFUSED_BOTH, *KINDS, REFUSED_HERE)
WORTH_SHOWING = {*KINDS, REFUSED_HERE} - {EQUAL}
# A client that switched would get something else than before.
FAILURES = (FORM, LABEL, REFUSED_HERE)
FIRST_LINES = 5


class Finding(NamedTuple):
    """A row that was not answered as it was there; ``row`` is counted from 0 within its line."""

    line: int
    row: int
    outcome: str
    difference: float
    old: Any
    new: Any


class LinesLeftOut:
    """Lines that were not replayed for one reason: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.first) < FIRST_LINES:
            self.first.append(line)


class Outcome:
    """Gathers what became of each row.

    :param worst: how many rows to keep to show.
    :param tolerance: of numbers, as in `Difference.size`; None if numbers may differ.
    """

    def __init__(self, *, worst: int, tolerance: float | None = None) -> None:
        self.requests = 0
        self.rows = Counter[str]()
        self.reasons = Counter[str]()
        self.left_out: dict[str, LinesLeftOut] = {}
        self.largest = 0.0
        self._most = worst
        self._tolerance = tolerance
        self._worst: list[tuple[int, float, int, int, Finding]] = []

    def leave_out(self, line: int, reason: str) -> None:
        """Count a line that was not replayed."""
        self.left_out.setdefault(reason, LinesLeftOut()).add(line)

    def add(self, exchange: Exchange, answer: Answer) -> None:
        """Compare the answer to a request with the old server's, row by row."""
        self.requests += 1
        old = rows_of(exchange.response) or [] if exchange.answered else []
        if answer.refused:
            self._add_refused(exchange, old, reason_of(answer))
            return
        new = rows_of(answer.document) or []
        if not exchange.answered:
            self.rows[ANSWERED_HERE] += len(new)
        elif len(old) != len(new):
            for row, each in enumerate(old):
                self._find(exchange, row, FORM, 0.0, each, f"{len(new)} rows to a request of {len(old)}")
        else:
            for row, pair in enumerate(zip(old, new, strict=True)):
                self._add_row(exchange, row, *pair)

    @property
    def same(self) -> bool:
        """Whether the old server's clients get what they got, as far as it was to be the same."""
        differs = any(self.rows[outcome] for outcome in FAILURES)
        return not differs and (self._tolerance is None or self.largest <= self._tolerance)

    @property
    def worst(self) -> list[Finding]:
        """The rows farthest apart, the farthest first."""
        return [finding for *_, finding in sorted(self._worst, reverse=True)]

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        left_out = self.left_out.items()
        return {
            "same": self.same,
            "requests": self.requests,
            "rows": {outcome: self.rows[outcome] for outcome in OUTCOMES},
            "largest_difference": self.largest,
            "old_answers_are_float32": self.rows[FLOAT32] > 0,
            "reasons": dict(self.reasons.most_common()),
            "left_out": {reason: {"lines": each.count, "first": each.first} for reason, each in left_out},
            "worst": _json_ready([finding._asdict() for finding in self.worst]),
        }

    def _add_refused(self, exchange: Exchange, old: list[Any], reason: str) -> None:
        if not exchange.answered:
            self.rows[REFUSED_BOTH] += 1
            return
        self.reasons[reason] += len(old)
        for row, each in enumerate(old):
            self._find(exchange, row, REFUSED_HERE, 0.0, each, reason)

    def _add_row(self, exchange: Exchange, row: int, old: Any, new: Any) -> None:
        there, here = reason_of_row(old), reason_of_row(new)
        if here and not there:
            self.reasons[here] += 1
            self._find(exchange, row, REFUSED_HERE, 0.0, old, here)
        elif there:
            self.rows[REFUSED_BOTH if here else ANSWERED_HERE] += 1
        else:
            kind, size = compare(old, new)
            if kind not in (FORM, LABEL):
                self.largest = max(self.largest, 0.0 if kind == FLOAT32 else size)
            self._find(exchange, row, kind, size, old, new)

    def _find(
        self, exchange: Exchange, row: int, outcome: str, difference: float, old: Any, new: Any
    ) -> None:
        self.rows[outcome] += 1
        if outcome not in WORTH_SHOWING or not self._most:
            return
        row += exchange.first_row
        finding = Finding(exchange.line, row, outcome, difference, old, new)
        entry = (OUTCOMES.index(outcome), difference, -exchange.line, -row, finding)
        if len(self._worst) < self._most:
            heapq.heappush(self._worst, entry)
        else:
            heapq.heappushpop(self._worst, entry)


def _json_ready(found: Any) -> Any:
    """The same with null for NaN and infinities, which old servers write and JSON does not have."""
    return json.loads(json.dumps(found), parse_constant=lambda _: None)
