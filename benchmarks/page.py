"""Writes the results into docs/performance.md: tables between two marks, and the chart."""

from itertools import groupby
from operator import attrgetter
from os.path import relpath
from pathlib import Path
from typing import Any

from benchmarks.budgets import BudgetResult, evaluate
from benchmarks.results import Report, Row
from benchmarks.table import COLUMNS, by_speed, cells, promise, scenario_title, title_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
START, END = "<!-- results: python -m benchmarks page -->", "<!-- end of results -->"


def write(report: Report, file: Path, page: Path = PAGE) -> None:
    """Replace the text between the marks of the page; ``file`` is that of the report."""
    before, _, rest = page.read_text().partition(START)
    _, _, after = rest.partition(END)
    picture = f"![The same as bars]({relpath(file.with_suffix('.png').resolve(), page.parent)})"
    parts = [about(report.about), *scenarios(report.rows), *budgets(report.rows), picture]
    page.write_text("\n\n".join([before + START, *parts, END + after]))


def about(facts: dict[str, Any]) -> str:
    """When, where and how it was measured, in one sentence."""
    machine, settings = facts["machine"], facts["settings"]
    return (
        f"{facts['date'][:10]}, {machine['cores']} cores of {machine['processor']}, Python"
        f" {machine['python']}; {settings['workers']} workers, {settings['connections']} connections from"
        f" {settings['load']}, medians of {settings['rounds']} rounds of {settings['seconds']:g} s."
    )


def scenarios(rows: list[Row]) -> list[str]:
    """A table for each model and number of rows, fastest server first."""
    found = sorted({(row.model, row.rows) for row in rows})
    return [_scenario(*each, [row for row in rows if (row.model, row.rows) == each]) for each in found]


def _scenario(model: str, size: int, rows: list[Row]) -> str:
    lines = [
        (title_of(row.peer), *(cells(row.figures) if row.figures else [row.void])) for row in by_speed(rows)
    ]
    return table(f"{scenario_title(model, size)}:", COLUMNS, lines)


def budgets(rows: list[Row]) -> list[str]:
    """A table of the budgets for each way of running the service."""
    return [
        table(
            f"Budgets, {title_of(service)}:",
            ("", "against", "measured", "promised", ""),
            map(_budget, found),
        )
        for service, found in groupby(evaluate(rows), attrgetter("service"))
    ]


def _budget(result: BudgetResult) -> tuple[str, ...]:
    mark = "met" if result.met else "**missed**"
    return f"{result.model}, {result.rows:,}", *promise(result), mark


def table(title: str, columns: tuple[str, ...], lines: Any) -> str:
    """A table in Markdown below its title."""
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join([f"{title}\n", *head, *(f"| {' | '.join(map(str, line))} |" for line in lines)])
