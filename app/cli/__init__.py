"""Commands of ``flask``: one group per subject."""

from collections.abc import Callable

from flask import Flask

from app.cli.keys import keys
from app.cli.models import models
from app.cli.replay import own_app
from app.cli.traffic_split import route
from config import Config

models.add_command(route)


def init_app(app: Flask, settings: Config, build: Callable[[Config], Flask]) -> None:
    """Add the groups to ``flask``.

    :param build: makes an app like this one of other settings.
    """
    for group in (models, keys):
        app.cli.add_command(group)
    own_app.init_app(app, settings, build)
