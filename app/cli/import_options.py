"""Options of ``flask models import``, and what they must say of a model that can run code."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from flask import current_app

from app.models.compilation.boosting.booster_files import SUFFIXES
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.request import ImportRequest

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
NO_SAMPLE = "Missing option '--sample': rows like the training data"
# The value of --trust alone.
A_PICKLE = "*"


@dataclass(frozen=True)
class ImportOptions:
    """The options, as they are given."""

    scaler: Path | None
    onnx: Path | None
    sample: Path | None
    target: str | None
    version: str | None
    activate: bool
    trust: tuple[str, ...]
    code: tuple[Path, ...]

    @property
    def trusts_pickles(self) -> bool:
        """True with a bare ``--trust``."""
        return A_PICKLE in self.trust

    def check(self, model: Path | ModelUri) -> None:
        """:raises click.ClickException: for options that do not go together, or lack trust."""
        export = isinstance(model, Path) and model.suffix == EXPORT
        if export and (self.scaler or self.onnx or self.sample or self.target):
            raise click.UsageError(
                "an export has all that it needs: leave out --scaler, --onnx, --sample, --target"
            )
        if self.code and not self.trust:
            names = ", ".join(path.name for path in self.code)
            raise click.ClickException(f"{names} runs where it is loaded. {REFUSAL}")

    def request(self, root: Path, model: Path) -> ImportRequest:
        """The request to import a model file into the store at ``root``."""
        return ImportRequest(
            root=root.absolute(),
            model=model.absolute(),
            sample=self.sample and self.sample.absolute(),
            scaler=self.scaler and self.scaler.absolute(),
            onnx=self.onnx and self.onnx.absolute(),
            target=self.target,
            version=self.version,
            trust=self.trusts_pickles,
            types=tuple(name for name in self.trust if name != A_PICKLE),
            code=tuple(path.absolute() for path in self.code),
            policy=current_app.config["SKLEARN_VERSION_POLICY"],
        )


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


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the fields of `ImportOptions` to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


OPTIONS = (
    click.option("--scaler", type=File, help="A fitted transformer that is applied first."),
    click.option("--onnx", type=File, help="The same model as an ONNX graph; it serves if it is certified."),
    click.option(
        "--sample",
        type=File,
        help="Rows it was fitted to, .csv or .parquet; an export has its own, and a model from MLflow may"
        " have an input example.",
    ),
    click.option("--target", help="The column of the sample to predict; the metrics come from it."),
    click.option("--version", help="Name of the new version; by default the UTC time."),
    click.option("--activate", is_flag=True, help="Make it the version that serves."),
    click.option(
        "--trust",
        is_flag=False,
        flag_value=A_PICKLE,
        multiple=True,
        metavar="[TYPE]",
        callback=lambda context, option, value: names_of_types(value),
        help="Read a pickle although it can run any code; with a name, admit that type in a .skops file.",
    ),
    click.option(
        "--code", type=File, multiple=True, help="A Python module that MODEL needs; needs --trust too."
    ),
)


def warn(files: Iterable[Path | None], *, trust: bool) -> None:
    """Say what a pickle is, on stderr.

    :raises click.ClickException: unless whoever calls trusts it.
    """
    pickles = [path.name for path in files if path is not None and path.suffix not in WITHOUT_CODE]
    if pickles:
        click.secho(WARNING.format(files=" and ".join(pickles)), fg="yellow", err=True)
        if not trust:
            raise click.ClickException(REFUSAL)
