"""What the commands show as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column, Table

COLORS = {"active": "bold green", "challenger": "cyan", "refused": "red"}


PIPED = 200  # columns where there is no terminal whose width counts


def console() -> Console:
    """As wide as the terminal, or wide enough for all columns where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=PIPED)


def versions(found: Sequence[Mapping[str, Any]]) -> Table:
    """Versions, one per line."""
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
    """Why versions were refused, a line for each."""
    reasons = [f"[red]{each['version']}[/]: {escape(each['reason'])}" for each in found if "reason" in each]
    return "\n".join(reasons)


def fields(found: Mapping[str, Any]) -> Table:
    """One thing, a line per field."""
    table = Table(show_header=False)
    for name, value in found.items():
        table.add_row(name, escape(_text(value)))
    return table


def _text(value: Any) -> str:
    """A mapping as words for people, anything else as it is."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return str(value)


def certificates(metadata: Mapping[str, Any]) -> Table:
    """The certificates of a version, one engine per line."""
    table = Table(
        *("engine", "certified", "rows", "labels differ", "max difference"),
        *("1 row µs", "100 rows µs", "why not"),
        caption=f"serves on {metadata['engine']}",
    )
    for engine, certificate in metadata["certificates"].items():
        times = certificate.get("median_us", {})
        difference = certificate.get("max_difference")
        table.add_row(
            engine,
            "[green]yes[/]" if certificate["certified"] else "[red]no[/]",
            *(_number(certificate.get(key)) for key in ("rows", "label_mismatches")),
            "–" if difference is None else f"{difference:.1e}",
            *(_number(times.get(size)) for size in ("1", "100")),
            escape(str(certificate.get("reason") or "")),
        )
    return table


def _metrics(metrics: Any) -> str:
    """The first two that are numbers."""
    known = metrics.items() if isinstance(metrics, dict) else ()
    numbers = [(name, value) for name, value in known if isinstance(value, int | float)]
    return escape(", ".join(f"{name} {value:.3g}" for name, value in numbers[:2]))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
