"""The results as tables for a terminal."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.budgets import BudgetResult, evaluate
from benchmarks.models import TITLES
from benchmarks.peers import PEERS
from benchmarks.results import Figures, Report, Row

COLUMNS = ("", "answers/s", "p50 ms", "p99 ms", "CPU µs", "MB", "start s")
LEGEND = "CPU µs: of the server, per request · MB: private, per worker · start: to a prediction"


def title_of(peer: str) -> str:
    """Name of a server in tables and charts."""
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
    results = groupby(evaluate(report.rows), attrgetter("service"))
    budgets = [_budgets(service, list(found)) for service, found in results]
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
    """Table in the style of all benchmarks."""
    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "show_edge": False, "pad_edge": False}
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", **look | options)


def cells(figures: Figures) -> list[str]:
    """Cells of a row after the name."""
    return [
        number(figures.requests_per_second),
        number(figures.p50_ms),
        number(figures.p99_ms),
        number(figures.cpu_us_per_request),
        number(figures.worker_mb),
        number(figures.startup_s),
    ]


def number(value: float) -> str:
    """Format with three digits at least: 12,345 or 123 or 12.3 or 1.23."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _budgets(service: str, results: list[BudgetResult]) -> Table:
    table = new_table(f"budgets: {title_of(service)}")
    for column in ("scenario", "against", "measured", "promised", ""):
        table.add_column(column)
    for result in results:
        mark = Text("met", "green") if result.met else Text("missed", "red")
        table.add_row(f"{result.model}, {result.rows:,}", *promise(result), mark)
    return table


def promise(result: BudgetResult) -> tuple[str, str, str]:
    """Format the comparison, the measured value and the limit of a budget, with units."""
    unit = {"worker_mb": "MB", "startup_s": "s"}.get(result.what)
    if unit:
        name = {"MB": "memory of a worker", "s": "start to first prediction"}[unit]
        return name, f"{number(result.value)} {unit}", f"≤ {result.limit:g} {unit}"
    return title_of(result.what), f"× {number(result.value)}", f"≥ {result.limit:g}"
