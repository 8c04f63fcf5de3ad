"""``flask models import``: take over a model that was fitted elsewhere."""

from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli import tables
from app.cli.model_option import model_to_fill
from app.cli.steps import Step, steps
from app.models.compilation.boosting.booster_files import SUFFIXES
from app.models.importing.isolation import import_apart
from app.models.importing.request import ImportRequest
from app.models.serving import operations, overview

File = click.Path(path_type=Path, exists=True, dir_okay=False)

# Files that hold data alone.
EXPORT = ".export"
WITHOUT_CODE = {".skops", EXPORT, *SUFFIXES}

WARNING = """\
WARNING: a pickle runs code.
Reading {files} can do anything that you can do on this machine: read, change and send files.
No check can tell a harmless pickle from a harmful one. Import it only if you know who made it and that
nobody changed it on the way. A .skops file holds no code and needs no trust.
"""
REFUSAL = "If you trust whoever made it, repeat the command with --trust."
# The value of --trust alone.
A_PICKLE = "*"


def names_of_types(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of --trust.

    :raises click.BadParameter: for a file, which stands there if MODEL comes after ``--trust``.
    """
    for value in values:
        if value != A_PICKLE and not all(part.isidentifier() for part in value.split(".")):
            raise click.BadParameter(f"{value!r} is no name of a type; put MODEL before --trust")
        if Path(value).is_file():
            raise click.BadParameter(f"{value!r} is a file; put MODEL before --trust")
    return values


@click.command("import")
@click.argument("model", type=File)
@click.option("--scaler", type=File, help="A fitted transformer that is applied first.")
@click.option("--onnx", type=File, help="The same model as an ONNX graph; it serves if it is certified.")
@click.option("--sample", type=File, help="Rows it was fitted to, .csv or .parquet; an export has its own.")
@click.option("--target", help="The column of the sample to predict; the metrics come from it.")
@click.option("--version", help="Name of the new version; by default the UTC time.")
@click.option("--activate", is_flag=True, help="Make it the version that serves.")
@click.option(
    "--trust",
    is_flag=False,
    flag_value=A_PICKLE,
    multiple=True,
    metavar="[TYPE]",
    callback=lambda context, option, value: names_of_types(value),
    help="Read a pickle although it can run any code; with a name, admit that type in a .skops file.",
)
@click.option("--code", type=File, multiple=True, help="A Python module that MODEL needs; needs --trust too.")
@tables.as_json
@with_appcontext
def import_command(
    model: Path,
    scaler: Path | None,
    onnx: Path | None,
    sample: Path | None,
    target: str | None,
    version: str | None,
    activate: bool,
    trust: tuple[str, ...],
    code: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Save MODEL as a version: any fitted scikit-learn estimator or pipeline, pickled or in a .skops file, or
    a booster in a file of XGBoost (.json, .ubj), LightGBM (.txt) or CatBoost (.cbm), or an .export file of
    tools/export_model.py.

    Names and golden rows come from the sample; every engine is certified against scikit-learn, or against the
    answers that an export recorded.
    """
    if sample is None and model.suffix != EXPORT:
        raise click.UsageError("Missing option '--sample': rows like the training data")
    if model.suffix == EXPORT and (scaler or onnx or sample or target):
        raise click.UsageError(
            "an export has all that it needs: leave out --scaler, --onnx, --sample, --target"
        )
    warn([path for path in (model, scaler) if path is not None], trust=A_PICKLE in trust)
    if code and not trust:
        raise click.ClickException(
            f"{', '.join(path.name for path in code)} runs where it is loaded. {REFUSAL}"
        )
    served_model = model_to_fill()
    with steps("Loading scikit-learn") as step:
        if version is not None:
            served_model.store.check_free(version)
        request = ImportRequest(
            root=served_model.store.root.absolute(),
            model=model.absolute(),
            sample=sample and sample.absolute(),
            scaler=scaler and scaler.absolute(),
            onnx=onnx and onnx.absolute(),
            target=target,
            version=version,
            trust=A_PICKLE in trust,
            types=tuple(name for name in trust if name != A_PICKLE),
            code=tuple(path.absolute() for path in code),
            policy=current_app.config["SKLEARN_VERSION_POLICY"],
        )
        saved = _import(request, report=step)
        if activate:
            step("Activating")
            operations.activate(served_model, saved)
        found = overview.summary(served_model, saved)
    if onnx:
        found["supplied_onnx"] = served_model.store.metadata(saved)["supplied_onnx"]
    report(found, onnx, as_json=as_json)


def _import(request: ImportRequest, *, report: Step) -> str:
    """A file that anybody may have made is read in a process of its own; a pickle needs trust anyway."""
    if WITHOUT_CODE & {path.suffix for path in (request.model, request.scaler) if path is not None}:
        return import_apart(request, report=report)
    from app.models.importing.importer import import_files

    return import_files(request, report=report)


def report(found: dict[str, Any], onnx: Path | None, *, as_json: bool) -> None:
    """Show the version, and what became of the graph that came with it."""
    certificate = None if as_json else found.pop("supplied_onnx", None)
    tables.show(found, tables.fields(found), as_json=as_json)
    if onnx and certificate:
        sentence, color = _result_of(certificate, engine=found["engine"])
        click.secho(f"{onnx.name} {sentence}", fg=color)


def _result_of(certificate: dict[str, Any], *, engine: str) -> tuple[str, str]:
    if not certificate["certified"]:
        return f"does not serve: {certificate['reason']}", "yellow"
    if not certificate["serves"]:
        return f"is certified, but does not serve: {engine} is as fast without it", "yellow"
    return f"is certified and serves, as the {certificate['form']}", "green"


def warn(files: list[Path], *, trust: bool) -> None:
    """Say what a pickle is, on stderr.

    :raises click.ClickException: unless whoever calls trusts it.
    """
    pickles = [path.name for path in files if path.suffix not in WITHOUT_CODE]
    if pickles:
        click.secho(WARNING.format(files=" and ".join(pickles)), fg="yellow", err=True)
        if not trust:
            raise click.ClickException(REFUSAL)
