"""Option ``--model NAME`` of all commands about models."""

from typing import Any

import click
from flask.cli import AppGroup

from app.exceptions import ModelNotFound, ServiceError
from app.models.ml_models import model_manager
from app.models.serving.served_model import DEFAULT, ServedModel

META = "app.model"
OPTION = "chosen_model"  # the name of its parameter


class PerModel(AppGroup):
    """Group of commands with ``--model``, which `chosen_model` reads, and with errors in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a `ServiceError` or a `DataError` ends it with one line and exit status 1."""
        try:
            return super().invoke(ctx)
        except ServiceError as error:
            errors = error.details.get("errors", ())
            reasons = "; ".join(f"{found['field']} {found['reason']}" for found in errors)
            raise click.ClickException(f"{error.message}{f': {reasons}' if reasons else ''}") from None
        except ValueError as error:
            if type(error).__name__ != "DataError":  # by name: importing its module would import scikit-learn
                raise
            raise click.ClickException(str(error)) from None

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command with the option."""
        option = click.Option(
            ["--model", OPTION],
            default=DEFAULT,
            show_default=True,
            expose_value=False,
            callback=_keep_choice,
            help="Which model it is about.",
        )
        cmd.params.append(option)
        super().add_command(cmd, name)


def chosen_name() -> str:
    """Name of the chosen model."""
    return str(click.get_current_context().meta.get(META, DEFAULT))


def chosen_model() -> ServedModel:
    """The chosen model.

    :raises ClickException: if there is no such model.
    """
    try:
        return model_manager.registry[chosen_name()]
    except ModelNotFound as error:
        raise click.ClickException(error.message) from None


def model_to_fill() -> ServedModel:
    """The chosen model, which may have no version yet.

    :raises ClickException: if the name is invalid.
    """
    try:
        return model_manager.registry.open(chosen_name())
    except ModelNotFound:
        raise click.ClickException(f"No model can be named {chosen_name()!r}") from None


def _keep_choice(context: click.Context, _: Any, value: str) -> None:
    context.meta[META] = value
