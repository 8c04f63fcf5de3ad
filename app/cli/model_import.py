"""``flask models import``: take over a model that was fitted elsewhere."""

import json
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from rich.console import Console

from app.cli import tables
from app.cli.failures import failures
from app.models import administration
from app.models.ml_models import model_manager

File = click.Path(path_type=Path, exists=True, dir_okay=False)

WARNING = """\
WARNING: a pickle runs code.
Reading {files} can do anything that you can do on this machine: read, change and send files.
No check can tell a harmless pickle from a harmful one. Import it only if you know who made it and that
nobody changed it on the way. A .skops file holds no code and needs no trust.
"""
REFUSAL = "If you trust whoever made it, repeat the command with --trust."


@click.command("import")
@click.argument("model", type=File)
@click.option("--scaler", type=File, help="A fitted transformer that is applied first.")
@click.option("--sample", type=File, required=True, help="Rows it was fitted to, .csv or .parquet.")
@click.option("--target", help="The column of the sample to predict; the metrics come from it.")
@click.option("--version", help="Name of the new version; by default the UTC time.")
@click.option("--activate", is_flag=True, help="Make it the version that serves.")
@click.option("--trust", is_flag=True, help="Read a pickle although it can run any code.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_appcontext
def import_command(
    model: Path,
    scaler: Path | None,
    sample: Path,
    target: str | None,
    version: str | None,
    activate: bool,
    trust: bool,
    as_json: bool,
) -> None:
    """Save MODEL as a version: any fitted scikit-learn estimator or pipeline, pickled or in a .skops file.

    Names and golden rows come from the sample; every engine is certified against scikit-learn.
    """
    warn([path for path in (model, scaler) if path is not None], trust=trust)
    with failures(), Console(stderr=True).status("Loading scikit-learn…") as status:
        from app.models import importing

        def step(part: str) -> None:
            status.update(f"{part}…")

        def read(path: Path) -> Any:
            step(f"Reading {path.name}")
            policy = current_app.config["SKLEARN_VERSION_POLICY"]
            return importing.read_estimator(path, trust=trust, policy=policy)

        step("Reading the sample")
        rows = importing.read_sample(sample, target)
        service = model_manager.service
        saved = importing.import_model(
            service.store,
            read(model),
            read(scaler) if scaler else None,
            rows,
            version=version,
            report=lambda part: step(f"Certifying: {part}"),
        )
        if activate:
            step("Activating")
            administration.verify(service, saved)
            service.store.activate(saved)
        found = administration.summary(service, saved)
    if as_json:
        click.echo(json.dumps(found))
    else:
        tables.console().print(tables.fields(found))


def warn(files: list[Path], *, trust: bool) -> None:
    """Say what a pickle is, on stderr.

    :raises click.ClickException: unless whoever calls trusts it.
    """
    pickles = [path.name for path in files if path.suffix != ".skops"]
    if pickles:
        click.secho(WARNING.format(files=" and ".join(pickles)), fg="yellow", err=True)
        if not trust:
            raise click.ClickException(REFUSAL)
