"""Outcome of a replay as tables for people."""

import json
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from app.cli.replay.outcome import ANSWERED_HERE, FAILURES, REFUSED_BOTH, REFUSED_HERE, Outcome
from app.cli.replay.row_comparison import EQUAL, FLOAT32, FORM, KINDS, LABEL, MORE

WORDS = {
    EQUAL: "equal",
    FLOAT32: "equal in single precision",
    **{
        kind: f"differ by at most {kind.removeprefix('within_')}"
        for kind in KINDS
        if kind.startswith("within_")
    },
    MORE: "differ by more",
    FORM: "have another form",
    LABEL: "other label",
    REFUSED_HERE: "refused here, answered there",
    ANSWERED_HERE: "answered here, refused there",
    REFUSED_BOTH: "refused by both (requests)",
}
IN_FLOAT32 = (
    "The old answers look like single precision (float32): {rows:,} differ from these only by its rounding."
)
LONGEST = 60  # characters of an answer in a table; --json has all of it
MOST_REASONS = 10


def tables_of(outcome: Outcome) -> RenderableType:
    """All tables that have something to say."""
    return Group(*_parts(outcome))


def _parts(outcome: Outcome) -> Iterator[RenderableType]:
    yield _counts(outcome)
    if rows := outcome.rows[FLOAT32]:
        yield Text(f" {IN_FLOAT32.format(rows=rows)}\n")
    if outcome.reasons:
        reasons = _table("refused here because", Column("rows", justify="right"))
        for reason, rows in outcome.reasons.most_common(MOST_REASONS):
            reasons.add_row(Text(reason), f"{rows:,}")
        yield reasons
    if outcome.worst:
        yield _worst(outcome)
    if outcome.left_out:
        left_out = _table("lines left out", Column("number", justify="right"), "first")
        for reason, lines in outcome.left_out.items():
            left_out.add_row(reason, f"{lines.count:,}", ", ".join(map(str, lines.first)))
        yield left_out


def _counts(outcome: Outcome) -> Table:
    table = _table(
        Column("answers", footer=f"{outcome.requests:,} requests"), Column("rows", justify="right")
    )
    table.show_footer = True
    for kind, words in WORDS.items():
        if rows := outcome.rows[kind]:
            style = "green" if kind == EQUAL else "red" if kind in FAILURES else ""
            table.add_row(words, f"{rows:,}", style=style)
    return table


def _worst(outcome: Outcome) -> Table:
    table = _table(
        *(Column(name, justify="right") for name in ("line", "row")),
        "worst first",
        "difference",
        "there",
        "here",
    )
    for finding in outcome.worst:
        table.add_row(
            str(finding.line),
            str(finding.row),
            WORDS[finding.outcome],
            f"{finding.difference:.1e}" if finding.difference else "–",
            *(Text(_shown(answer)) for answer in (finding.old, _compared(finding.old, finding.new))),
        )
    return table


def _compared(old: Any, new: Any) -> Any:
    """The new answer without the members that the old one does not have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: _compared(value, new[name]) for name, value in old.items() if name in new}
    return new


def _shown(answer: Any) -> str:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=SIMPLE)
