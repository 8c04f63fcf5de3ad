"""``flask models``: look after the versions in the store."""

import json
from typing import Any

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.table import Table

from app.exceptions import ServiceError
from app.models.ml_models import model_manager

console = Console()


@click.group()
def models() -> None:
    """Look after the model versions in the store."""


@models.command()
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the certificates as JSON.")
@with_appcontext
def certify(version: str, as_json: bool) -> None:
    """Compile VERSION again, compare every engine with scikit-learn, and record the certificates."""
    from app.models.publishing import recertify

    try:
        with Console(stderr=True).status("Certifying…") as status:
            metadata = recertify(
                model_manager.service.store,
                version,
                report=lambda part: status.update(f"Certifying: {part}…"),
            )
    except ServiceError as error:
        raise click.ClickException(error.message) from None
    if as_json:
        click.echo(json.dumps({"engine": metadata["engine"], "certificates": metadata["certificates"]}))
        return
    console.print(certificate_table(metadata))
    console.print(f"Serves on [bold]{metadata['engine']}[/]")


def certificate_table(metadata: dict[str, Any]) -> Table:
    """The certificates of a version, one engine per line."""
    table = Table(
        "engine", "certified", "rows", "labels differ", "max difference", "1 row µs", "100 rows µs", "why not"
    )
    for engine, certificate in metadata["certificates"].items():
        times = certificate.get("median_us", {})
        table.add_row(
            engine,
            "[green]yes[/]" if certificate["certified"] else "[red]no[/]",
            *(
                f"{certificate[key]:,}" if certificate.get(key) is not None else "–"
                for key in ("rows", "label_mismatches")
            ),
            f"{certificate['max_difference']:.1e}" if certificate.get("max_difference") is not None else "–",
            *(f"{times[size]:,.0f}" if size in times else "–" for size in ("1", "100")),
            certificate.get("reason") or "",
        )
    return table
