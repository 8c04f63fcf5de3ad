"""What the commands show as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.filesize import decimal
from rich.table import Table

COLORS = {"active": "bold green", "refused": "red"}


def versions(found: Sequence[Mapping[str, Any]]) -> Table:
    """Versions, one per line."""
    table = Table("version", "state", "workers", "model", "engine", "metrics", "size", "saved")
    for version in found:
        state = version["state"]
        metrics = version.get("metrics") or {}
        table.add_row(
            version["version"],
            f"[{COLORS.get(state, 'default')}]{state}[/]",
            str(version["workers"]),
            version.get("model_type") or "–",
            version.get("engine") or "–",
            ", ".join(f"{name} {value:.3g}" for name, value in list(metrics.items())[:2]),
            decimal(version.get("size", 0)),
            (version.get("saved_at") or version.get("reason", ""))[:19],
        )
    return table


def fields(found: Mapping[str, Any]) -> Table:
    """One thing, a line per field."""
    table = Table(show_header=False)
    for name, value in found.items():
        table.add_row(name, str(value))
    return table


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
            certificate.get("reason") or "",
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
