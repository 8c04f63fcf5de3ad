"""Certify every model family and write the table in docs/engines.md: ``python -m benchmarks.engines``."""

import warnings
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from app.models.certification.certify import Certification, certify
from app.models.publishing.inspection import inspect_model
from benchmarks.families import Family, families

PAGE = Path(__file__).resolve().parent.parent / "docs" / "engines.md"
START, END = "<!-- table: python -m benchmarks.engines -->", "<!-- end of table -->"
COLUMNS = (
    *("family", "engine", "why not the others", "scikit-learn, 1 row µs", "engine, 1 row µs"),
    *("speed-up", "100 rows", "max Δ"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"


@click.command()
def main() -> None:
    """Certify every family and put the table into docs/engines.md."""
    warnings.simplefilter("ignore")
    lines = [_line(family) for family in track(list(families()), "Certifying", transient=True)]
    before, rest = PAGE.read_text().split(START)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{START}\n{HEAD}{''.join(lines)}{END}{after}")
    click.echo(f"{len(lines)} families written to {PAGE}")


def certification_of(family: Family) -> Certification:
    """Fit a family and certify its engines."""
    estimator, sample = family.fit()
    found = inspect_model(estimator, sample)
    return certify(estimator, found.signature, found.output, found.rows)


def _line(family: Family) -> str:
    certification = certification_of(family)
    certificates = certification.certificates
    chosen, reference = certificates[certification.engine], certificates["sklearn"]
    one, reference_one = chosen["median_us"]["1"], reference["median_us"]["1"]
    hundred = reference["median_us"]["100"] / chosen["median_us"]["100"]
    difference = chosen.get("max_difference")
    cells = (
        family.name,
        f"{certification.engine} ({chosen['form']})" if "form" in chosen else certification.engine,
        "; ".join(
            _reason(name, certificates[name], chosen)
            for name in certificates
            if name not in ("sklearn", certification.engine)
        ),
        f"{reference_one:,.0f}",
        f"{one:,.0f}",
        f"{reference_one / one:,.0f} ×",
        f"{hundred:,.1f} ×",
        "–" if difference is None else f"{difference:.0e}",
    )
    return f"| {' | '.join(cells)} |\n"


def _reason(name: str, certificate: dict[str, Any], chosen: dict[str, Any]) -> str:
    if certificate["certified"]:
        return f"{name}: slower, {certificate['median_us']['1']:,.0f} µs"
    return f"{name}: {certificate['reason']}"


if __name__ == "__main__":
    main()
