"""Output of commands: tables for people, JSON for scripts."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column, Table

COLORS = {"active": "bold green", "challenger": "cyan", "refused": "red"}
PIPED_WIDTH = 200  # columns where the output is no terminal

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def console() -> Console:
    """Console as wide as the terminal, or wide enough for all columns where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=PIPED_WIDTH)


def show(found: Any, table: Any, *, as_json: bool) -> None:
    """Print what a command found: as JSON, or as ``table``, anything that rich prints."""
    if as_json:
        click.echo(json.dumps(found))
    else:
        console().print(table)


def versions(found: Sequence[Mapping[str, Any]]) -> Table:
    """Table of versions, one per row."""
    longest = max((len(version["version"]) for version in found), default=0)
    name = Column("version", no_wrap=True, min_width=longest)
    table = Table(name, "state", "workers", "model", "engine", "metrics", "size", "saved", box=SIMPLE)
    for version in found:
        state = version["state"]
        table.add_row(
            version["version"],
            f"[{COLORS.get(state, 'default')}]{state}[/]",
            str(version["workers"]),
            escape(str(version.get("model_type") or "–")),
            escape(str(version.get("engine") or "–")),
            _metrics(version.get("metrics")),
            decimal(version.get("size", 0)),
            str(version.get("saved_at") or "–")[:19],
        )
    return table


def refusals(found: Sequence[Mapping[str, Any]]) -> str:
    """Reasons for which versions did not load, one per line."""
    reasons = [f"[red]{each['version']}[/]: {escape(each['reason'])}" for each in found if "reason" in each]
    return "\n".join(reasons)


def fields(found: Mapping[str, Any]) -> Table:
    """Table of one object, a field per row."""
    table = Table(show_header=False)
    for name, value in found.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        table.add_row(name, escape(str(value)))
    return table


def certificates(metadata: Mapping[str, Any]) -> Table:
    """Table of a version's certificates, one engine per row."""
    table = Table(
        *("engine", "certified", "rows", "labels differ", "max difference"),
        *("1 row µs", "100 rows µs", "10,000 rows µs", "why not"),
        caption=f"serves on {metadata['engine']}"
        + (f", batches on {batch_engine}" if (batch_engine := metadata.get("batch_engine")) else ""),
    )
    for engine, certificate in metadata["certificates"].items():
        times = certificate.get("median_us", {})
        difference = certificate.get("max_difference")
        table.add_row(
            engine,
            "[green]yes[/]" if certificate["certified"] else "[red]no[/]",
            *(_number(certificate.get(key)) for key in ("rows", "label_mismatches")),
            "–" if difference is None else f"{difference:.1e}",
            *(_number(times.get(size)) for size in ("1", "100", "10000")),
            escape(str(certificate.get("reason") or "")),
        )
    return table


def outcomes(found: Sequence[Mapping[str, Any]]) -> Table:
    """Table of what became of each version when all were certified again."""
    table = Table(Column("version", no_wrap=True), "serves", "engine", "done", "why", box=SIMPLE)
    for outcome in found:
        table.add_row(
            outcome["version"],
            "[green]green[/]" if outcome["green"] else "[red]red[/]",
            escape(str(outcome["engine"] or "–")),
            outcome["done"],
            escape(str(outcome["reason"] or "")),
        )
    return table


def _metrics(metrics: Any) -> str:
    """Format the first two metrics that are numbers."""
    known = metrics.items() if isinstance(metrics, dict) else ()
    numbers = [(name, value) for name, value in known if isinstance(value, int | float)]
    return escape(", ".join(f"{name} {value:.3g}" for name, value in numbers[:2]))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
