"""``flask models``: look after the versions in the store."""

from pathlib import Path

import click
from flask import current_app
from rich.console import Console

from app.cli import tables
from app.cli.model_certify import certify
from app.cli.model_import import import_command
from app.cli.model_option import PerModel, chosen_model
from app.cli.model_replay import replay
from app.exceptions import ArtifactInvalid
from app.models.loading import signing
from app.models.serving import operations, overview

console = tables.console()


@click.group(cls=PerModel)
def models() -> None:
    """Look after the model versions in the store."""


models.add_command(import_command)
models.add_command(certify)
models.add_command(replay)


@models.command("list")
@tables.as_json
def list_versions(as_json: bool) -> None:
    """All versions, newest first."""
    found = overview.versions(chosen_model())
    tables.show(found, tables.versions(found), as_json=as_json)
    if not as_json and (reasons := tables.refusals(found)):
        console.print(reasons)


@models.command()
@click.argument("version")
@tables.as_json
def show(version: str, as_json: bool) -> None:
    """One VERSION with the certificates of its engines."""
    found = overview.summary(chosen_model(), version)
    metadata = chosen_model().store.metadata(version)
    if not isinstance(metadata.get("certificates"), dict):
        raise ArtifactInvalid(version, "metadata has no usable certificates")
    tables.show(found | {"certificates": metadata["certificates"]}, tables.fields(found), as_json=as_json)
    if not as_json:
        console.print(tables.certificates(metadata))


@models.command()
@click.argument("version")
@tables.as_json
def verify(version: str, as_json: bool) -> None:
    """Run every check on VERSION that it must pass before it serves."""
    with Console(stderr=True).status("Verifying…"):
        found = operations.verify(chosen_model(), version)
    tables.show(found, f"[green]{version} passes all checks[/], engine {found['engine']}", as_json=as_json)


@models.command()
@click.argument("version")
@click.option("--wait", is_flag=True, help="Return only when all workers serve it.")
@tables.as_json
def activate(version: str, wait: bool, as_json: bool) -> None:
    """Verify VERSION and make it the one that serves, in all running workers."""
    with Console(stderr=True).status("Activating…"):
        found = operations.activate(chosen_model(), version, wait=wait)
    tables.show(found, f"[green]{version} is active[/]", as_json=as_json)


@models.command()
@click.option("--wait", is_flag=True, help="Return only when all workers serve it.")
@tables.as_json
def rollback(wait: bool, as_json: bool) -> None:
    """Make the version that served before serve again."""
    found = operations.roll_back(chosen_model(), wait=wait)
    tables.show(found, f"[green]{found['version']} is active[/]", as_json=as_json)


@models.command()
@click.argument("version")
@click.confirmation_option(prompt="Remove this version for good?")
def remove(version: str) -> None:
    """Remove VERSION for good; never the active one."""
    operations.remove(chosen_model(), version)
    console.print(f"{version} is removed")


@models.command()
@click.option("--keep", type=click.IntRange(min=1), required=True, help="How many of the newest to keep.")
@tables.as_json
def prune(keep: int, as_json: bool) -> None:
    """Remove all but the newest versions, those in use and the one that rollback would go back to."""
    removed = operations.prune(chosen_model(), keep=keep)
    tables.show({"removed": removed}, f"removed: {', '.join(removed) or 'none'}", as_json=as_json)


@models.command()
@click.argument("version")
@click.option("--key", type=click.Path(path_type=Path, exists=True), help="Ed25519 private key in PEM.")
def sign(version: str, key: Path | None) -> None:
    """Sign VERSION with an Ed25519 key, or with MODEL_SIGNING_KEY."""
    store = chosen_model().store
    try:
        signature = signing.sign(
            store.raw_metadata(version),
            hmac_key=current_app.config["MODEL_SIGNING_KEY"],
            private_key=key.read_text() if key else None,
        )
        store.sign(version, signature)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    console.print(f"{version} is signed")
