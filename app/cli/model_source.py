"""MODEL of ``flask models import``: a file, a folder or zip of MLflow, or a registered model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from app.cli.import_options import EXPORT, NO_SAMPLE, ImportOptions, warn
from app.models.importing.mlflow.model_uri import SCHEME, ModelUri
from app.models.importing.request import ImportRequest

if TYPE_CHECKING:
    from app.models.importing.mlflow.model_files import ModelFiles

ZIP = ".zip"


class ModelArgument(click.ParamType[Path | ModelUri]):
    """A path that exists, or a `ModelUri`."""

    name = "model"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | ModelUri:
        """See `click.ParamType.convert`."""
        if not str(value).startswith(SCHEME):
            found: Path = click.Path(path_type=Path, exists=True).convert(value, param, ctx)
            return found
        try:
            return ModelUri.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@contextmanager
def request_for(model: Path | ModelUri, options: ImportOptions, root: Path) -> Iterator[ImportRequest]:
    """The request to import a model, whose copied files are there as long as the context.

    :param root: of the store.
    :raises click.ClickException: without a sample, and for a pickle without trust.
    :raises ImportRefused: if MLflow's files cannot be read.
    :raises RegistryUnavailable: if the registry does not have them.
    """
    if isinstance(model, ModelUri) or model.is_dir() or model.suffix == ZIP:
        with TemporaryDirectory(prefix="mlflow-model-") as folder:
            yield mlflow_request(_files(model, Path(folder)), options, root)
        return
    if options.sample is None and model.suffix != EXPORT:
        raise click.UsageError(NO_SAMPLE)
    warn([model, options.scaler], trust=options.trusts_pickles)
    yield options.request(root, model)


def _files(model: Path | ModelUri, folder: Path) -> "ModelFiles":
    # Imported here, because workers, which load the commands too, need neither zipfile nor a client.
    from app.models.importing.mlflow.model_files import FolderFiles, ZipFiles
    from app.models.importing.mlflow.model_registry import RegistryFiles, resolve
    from app.models.importing.mlflow.tracking_server import TrackingServer

    if isinstance(model, ModelUri):
        server = TrackingServer.from_environment()
        return RegistryFiles(server, resolve(server, model), folder)
    return FolderFiles(model) if model.is_dir() else ZipFiles(model, folder)


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
