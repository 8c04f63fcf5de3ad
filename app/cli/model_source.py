"""MODEL of ``flask models import``: a file, or a folder or zip in MLflow's format, as a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from app.cli.import_options import EXPORT, NO_SAMPLE, ImportOptions, warn
from app.models.importing.request import ImportRequest

if TYPE_CHECKING:
    from app.models.importing.mlflow.model_files import ModelFiles

ZIP = ".zip"


@contextmanager
def request_for(model: Path, options: ImportOptions, root: Path) -> Iterator[ImportRequest]:
    """The request to import a model, whose unpacked files are there as long as the context.

    :param root: of the store.
    :raises click.ClickException: without a sample, and for a pickle without trust.
    :raises ImportRefused: if MLflow's files cannot be read.
    """
    if not model.is_dir() and model.suffix != ZIP:
        if options.sample is None and model.suffix != EXPORT:
            raise click.UsageError(NO_SAMPLE)
        warn([model, options.scaler], trust=options.trusts_pickles)
        yield options.request(root, model)
        return
    # Imported here, because workers, which load the commands too, need neither YAML nor zipfile.
    from app.models.importing.mlflow.model_files import FolderFiles, ZipFiles

    with TemporaryDirectory(prefix="mlflow-model-") as folder:
        files = FolderFiles(model) if model.is_dir() else ZipFiles(model, Path(folder))
        yield mlflow_request(files, options, root)


def mlflow_request(files: "ModelFiles", options: ImportOptions, root: Path) -> ImportRequest:
    """The request to import a model in MLflow's format; its pickle is fetched only if it is trusted.

    :raises click.ClickException, ImportRefused: as `request_for`.
    """
    from app.models.importing.mlflow.input_example import MAX_EXAMPLE
    from app.models.importing.mlflow.mlmodel import MAX_MLMODEL, MLMODEL, MLmodel

    described = files.fetch(MLMODEL, limit=MAX_MLMODEL)
    mlmodel = MLmodel.read(described)
    warn([Path(mlmodel.model), options.scaler], trust=options.trusts_pickles)
    example = None
    if options.sample is None:
        if mlmodel.example is None:
            raise click.UsageError(f"{NO_SAMPLE}; the model has no input example")
        example = files.fetch(mlmodel.example.path, limit=MAX_EXAMPLE)
    request = options.request(root, files.fetch(mlmodel.model))
    return replace(request, sample=example or request.sample, mlmodel=described, origin=files.origin)
