"""``flask models certify``: certify one version again, or all of them after an upgrade."""

from dataclasses import asdict

import click
from flask.cli import with_appcontext
from rich.console import Console
from rich.progress import Progress

from app.cli import tables
from app.cli.model_option import chosen_model
from app.cli.steps import steps


@click.command()
@click.argument("version", required=False)
@click.option("--all", "of_all", is_flag=True, help="Every version: does it serve with what is installed?")
@tables.as_json
@with_appcontext
def certify(version: str | None, of_all: bool, as_json: bool) -> None:
    """Compile VERSION again, compare every engine with scikit-learn, and record the certificates.

    An exported model is compared with the answers that came with it. With --all, load every version as a
    worker would, and certify again those whose libraries changed; status 1 if any version does not serve.
    """
    if (version is None) != of_all:
        raise click.UsageError("give a VERSION, or --all")
    if version is None:
        _certify_all(as_json=as_json)
    else:
        _certify_one(version, as_json=as_json)


def _certify_one(version: str, *, as_json: bool) -> None:
    from app.models.importing.recertification import recertify

    with steps("Certifying") as step:
        metadata = recertify(
            chosen_model().store, version, report=lambda part, share=None: step(f"Certifying: {part}", share)
        )
    found = {name: metadata[name] for name in ("engine", "batch_engine", "certificates")}
    tables.show(found, tables.certificates(metadata), as_json=as_json)


def _certify_all(*, as_json: bool) -> None:
    from app.models.importing.recertification import recertify_all

    served_model = chosen_model()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        outcomes = recertify_all(served_model.store, served_model.options)
        total = len(served_model.store.versions())
        found = [asdict(each) for each in progress.track(outcomes, total=total, description="Certifying…")]
    tables.show(found, tables.outcomes(found), as_json=as_json)
    if not all(outcome["green"] for outcome in found):
        raise click.exceptions.Exit(1)
