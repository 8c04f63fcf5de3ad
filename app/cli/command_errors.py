"""Turns errors of the service into errors of a command."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.exceptions import ServiceError


@contextmanager
def failures() -> Iterator[None]:
    """End the command with one line and exit status 1 on a `ServiceError` or a `DataError`."""
    try:
        yield
    except ServiceError as error:
        errors = error.details.get("errors", ())
        reasons = "; ".join(f"{found['field']} {found['reason']}" for found in errors)
        raise click.ClickException(f"{error.message}{f': {reasons}' if reasons else ''}") from None
    except ValueError as error:
        if type(error).__name__ != "DataError":  # by name: importing its module would import scikit-learn
            raise
        raise click.ClickException(str(error)) from None
