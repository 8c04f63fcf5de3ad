"""Commands of ``flask``: one group per subject."""

from flask import Flask

from app.cli.keys import keys
from app.cli.models import models
from app.cli.traffic_split import route

models.add_command(route)


def init_app(app: Flask) -> None:
    """Add the groups to ``flask``."""
    for group in (models, keys):
        app.cli.add_command(group)
