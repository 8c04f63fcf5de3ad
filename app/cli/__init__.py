"""Commands of ``flask``: one group per subject."""

import os

import click
from flask import Flask

from app.cli.keys import keys
from app.cli.models import models
from app.cli.traffic_split import route

models.add_command(route)
GROUPS = (models, keys)


def init_app(app: Flask) -> None:
    """Add the groups to ``flask``."""
    for group in GROUPS:
        app.cli.add_command(group)


def serving() -> bool:
    """False in a process that runs one of these commands; ``flask run`` serves."""
    if os.environ.get("FLASK_RUN_FROM_CLI") != "true":
        return True
    context = click.get_current_context(silent=True)
    return context is None or context.info_name == "run"
