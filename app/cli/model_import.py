"""``flask models import``: take over a model that was fitted elsewhere."""

from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.cli import tables
from app.cli.import_options import WITHOUT_CODE, ImportOptions, import_options
from app.cli.model_follow import follow_alias
from app.cli.model_option import model_to_fill
from app.cli.model_source import ModelArgument, request_for
from app.cli.steps import Step, steps
from app.models.importing.isolation import import_apart
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.request import ImportRequest
from app.models.serving import operations, overview
from app.models.serving.served_model import ServedModel


@click.command("import")
@click.argument("model", type=ModelArgument())
@import_options
@click.option("--follow", is_flag=True, help="Import and activate each version that the alias moves to.")
@click.option(
    "--interval",
    type=click.FloatRange(min=1),
    default=30,
    show_default=True,
    help="Seconds between two looks at the registry.",
)
@tables.as_json
@with_appcontext
def import_command(
    model: Path | ModelUri, *, follow: bool, interval: float, as_json: bool, **given: Any
) -> None:
    """Save MODEL as a version: any fitted scikit-learn estimator or pipeline, pickled or in a .skops file, or
    a booster in a file of XGBoost (.json, .ubj), LightGBM (.txt) or CatBoost (.cbm), or an .export file of
    tools/export_model.py, or a folder or .zip in MLflow's format, or models:/name@alias, models:/name/3 or
    models:/name of the MLflow registry at MLFLOW_TRACKING_URI.

    Names and golden rows come from the sample; every engine is certified against scikit-learn, or against the
    answers that an export recorded.
    """
    options = ImportOptions(**given)
    options.check(model)
    served_model = model_to_fill()
    if follow:
        follow_alias(model, options, served_model, interval=interval)
        return
    with request_for(model, options, served_model.store.root) as request:
        found = _imported(served_model, request, activate=options.activate)
    report(found, options.onnx, as_json=as_json)


def _imported(served_model: ServedModel, request: ImportRequest, *, activate: bool) -> dict[str, Any]:
    """Import a model, and return the summary of its version."""
    with steps("Loading scikit-learn") as step:
        if request.version is not None:
            served_model.store.check_free(request.version)
        saved = _import(request, report=step)
        if activate:
            step("Activating")
            operations.activate(served_model, saved)
        found = overview.summary(served_model, saved)
    if request.onnx:
        found["supplied_onnx"] = served_model.store.metadata(saved)["supplied_onnx"]
    return found


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
