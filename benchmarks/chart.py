"""Chart of the results."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullFormatter

from benchmarks.results import Report, Row
from benchmarks.table import by_speed, number, scenario_title, title_of

OWN, OTHER, VOID = "#0b7a75", "#b8c4ce", "#c0392b"
XLABEL = "requests per second, logarithmic scale: longer is faster"
BAR, PANEL = 0.34, 1.3
"""Height of a bar and of a panel's title and axis, in inches."""


def draw(report: Report, file: Path) -> None:
    """Write a PNG: a column of panels for each model, a panel for each number of rows."""
    plt.switch_backend("Agg")
    models = list(dict.fromkeys(row.model for row in report.rows))
    sizes = sorted({row.rows for row in report.rows})
    bars = len({row.peer for row in report.rows})
    figure, grid = plt.subplots(
        len(sizes),
        len(models),
        figsize=(7.2 * len(models), len(sizes) * (bars * BAR + PANEL) + 0.8),
        squeeze=False,
        layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12),
    )
    for line, size in zip(grid, sizes, strict=True):
        for axes, model in zip(line, models, strict=True):
            found = [row for row in report.rows if (row.model, row.rows) == (model, size)]
            _panel(axes, by_speed(found)[::-1])
            axes.set_title(scenario_title(model, size), loc="left", fontweight="bold")
    figure.suptitle(_title(report.about), x=0.01, ha="left", fontsize=12)
    figure.supxlabel(XLABEL)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _panel(axes: Axes, rows: list[Row]) -> None:
    rates = [row.figures.requests_per_second if row.figures else 0.0 for row in rows]
    shown = [rate for rate in rates if rate] or [1.0]
    floor = min(shown) / 3
    axes.set_xscale("log")
    # Space for the labels on the right.
    axes.set_xlim(floor, max(shown) * (max(shown) / floor) ** 0.55)
    for position, (row, rate) in enumerate(zip(rows, rates, strict=True)):
        own = row.peer.startswith("service")
        axes.barh(position, max(rate, floor), color=OWN if own else OTHER, height=0.74)
        text, colour = (_label(row), "black") if rate else (" void", VOID)
        weight = "bold" if own else "normal"
        axes.text(max(rate, floor), position, text, va="center", color=colour, fontweight=weight)
    axes.set_yticks(range(len(rows)), [title_of(row.peer) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", which="both", labelsize=8, colors="#777777")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right", "left"]].set_visible(False)


def _label(row: Row) -> str:
    assert row.figures is not None
    rate, cpu = row.figures.requests_per_second, row.figures.cpu_us_per_request
    spent = f"{number(cpu)} µs" if cpu < 1000 else f"{number(cpu / 1000)} ms"
    return f" {number(rate)}/s · {spent}"


def _title(about: dict[str, Any]) -> str:
    machine, settings = about["machine"], about["settings"]
    return (
        f"Requests answered per second by {settings['workers']} workers over "
        f"{settings['connections']} connections ({settings['workers']} for 10,000 rows), "
        f"and server CPU per request\n{machine['cores']} cores of {machine['processor']}, "
        f"{about['date'][:10]}, rounds: {settings['rounds']}, medians shown"
    )
