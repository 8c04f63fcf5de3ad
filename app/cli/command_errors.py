"""How a command ends that could not do what it was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.exceptions import ServiceError


@contextmanager
def failures() -> Iterator[None]:
    """A fact that was raised, or data that cannot be read, as one line and exit status 1."""
    try:
        yield
    except ServiceError as error:
        errors = error.details.get("errors", ())
        reasons = "; ".join(f"{found['field']} {found['reason']}" for found in errors)
        raise click.ClickException(f"{error.message}{f': {reasons}' if reasons else ''}") from None
    except ValueError as error:
        if type(error).__name__ != "DataError":  # by name: its module brings scikit-learn
            raise
        raise click.ClickException(str(error)) from None
