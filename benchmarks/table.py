"""The results as tables for a terminal."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.budgets import RateLimitDecision, judge
from benchmarks.models import TITLES
from benchmarks.peers import PEERS
from benchmarks.results import Figures, Report, Row

COLUMNS = ("", "answers/s", "p50 ms", "p99 ms", "CPU µs", "MB", "start s")
LEGEND = "CPU µs: of the server, per request · MB: private, per worker · start: to a prediction"


def title_of(peer: str) -> str:
    """How a server is called in tables and pictures."""
    return PEERS[peer].title if peer in PEERS else peer


def scenario_title(model: str, rows: int) -> str:
    return f"{TITLES.get(model, model)}, {rows:,} {'row' if rows == 1 else 'rows'} a request"


def render(report: Report) -> RenderableType:
    """A table for each model and number of rows, fastest first, and one for the budgets."""
    scenarios = sorted({(row.model, row.rows) for row in report.rows})
    tables = [
        _scenario(scenario_title(*scenario), [r for r in report.rows if (r.model, r.rows) == scenario])
        for scenario in scenarios
    ]
    verdicts = groupby(judge(report.rows), attrgetter("service"))
    budgets = [_budgets(service, list(found)) for service, found in verdicts]
    return Group(*tables, Text(f"\n{LEGEND}", "dim"), *budgets)


def by_speed(rows: list[Row]) -> list[Row]:
    """Fastest first, void ones last."""
    return sorted(rows, key=lambda row: -row.figures.requests_per_second if row.figures else 0)


def _scenario(title: str, found: list[Row]) -> Table:
    table = new_table(title, caption_justify="left")
    for position, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if position else "left", no_wrap=True)
    for row in by_speed(found):
        style = "bold green" if row.peer.startswith("service") else ""
        shown = cells(row.figures) if row.figures else ["void"]
        table.add_row(title_of(row.peer), *shown, style=style)
    voids = [f"{title_of(row.peer)}: {row.void}" for row in found if row.void]
    table.caption = "\n".join(voids) or None
    return table


def new_table(title: str, **options: Any) -> Table:
    """A table in the look of all benchmarks."""
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False, "pad_edge": False}
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", **look | options)


def cells(figures: Figures) -> list[str]:
    """What stands in a row behind the name."""
    return [
        number(figures.requests_per_second),
        number(figures.p50_ms),
        number(figures.p99_ms),
        number(figures.cpu_us_per_request),
        number(figures.worker_mb),
        number(figures.startup_s),
    ]


def number(value: float) -> str:
    """Three digits at least: 12,345 or 123 or 12.3 or 1.23."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _budgets(service: str, verdicts: list[RateLimitDecision]) -> Table:
    table = new_table(f"budgets: {title_of(service)}")
    for column in ("scenario", "against", "measured", "promised", ""):
        table.add_column(column)
    for verdict in verdicts:
        mark = Text("met", "green") if verdict.met else Text("missed", "red")
        table.add_row(f"{verdict.model}, {verdict.rows:,}", *promise(verdict), mark)
    return table


def promise(verdict: RateLimitDecision) -> tuple[str, str, str]:
    """What is compared, what was measured and what was promised, with units."""
    unit = {"worker_mb": "MB", "startup_s": "s"}.get(verdict.what)
    if unit:
        name = {"MB": "memory of a worker", "s": "start to first prediction"}[unit]
        return name, f"{number(verdict.value)} {unit}", f"≤ {verdict.limit:g} {unit}"
    return title_of(verdict.what), f"× {number(verdict.value)}", f"≥ {verdict.limit:g}"
