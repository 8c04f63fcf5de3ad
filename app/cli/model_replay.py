"""``flask models replay``: send an old server's requests again, and compare the answers."""

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource
from flask.cli import with_appcontext

from app.cli import tables
from app.cli.model_option import OPTION, chosen_name
from app.cli.steps import Step, steps
from app.settings.rules import is_http

if TYPE_CHECKING:
    from app.cli.replay.outcome import Outcome
    from app.cli.replay.targets import Target

KEY = "FLASK_ML_API_KEY"


def parse_url(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The URL of a service, checked."""
    if value is not None and not is_http(value):
        raise click.BadParameter("must be an address such as http://localhost:5000")
    return value


@click.command()
@click.argument("log", metavar="FILE|URL")
@click.option(
    "--url", callback=parse_url, help="A running service; by default this installation, in process."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"A file with the API key for --url. Default: the variable {KEY}.",
)
@click.option("--worst", type=click.IntRange(min=0), default=10, show_default=True, help="How many to show.")
@click.option("--tolerance", type=click.FloatRange(min=0), help="Fail if numbers differ by more.")
@tables.as_json
@with_appcontext
def replay(
    log: str, url: str | None, key: Path | None, worst: int, tolerance: float | None, as_json: bool
) -> None:
    """Send the requests of an old server's log to this service, and compare the answers with the old ones.

    The log has JSON lines, also gzipped, in a file, at a URL or on standard input (-): an inference table of
    MLflow or Databricks, the events of KServe's logger, this service's log with LOG_INPUTS=true, or lines
    such as {"path": "/api/predict", "request": {...}, "response": {...}}.

    Status 1 if any label differs, or any row is refused that was answered there.
    """
    from app.cli.replay.outcome import Outcome
    from app.cli.replay.outcome_tables import tables_of
    from app.cli.replay.reading.log_source import open_log
    from app.cli.replay.replaying import Replay

    outcome = Outcome(worst=worst, tolerance=tolerance)
    named = click.get_current_context().get_parameter_source(OPTION) is not ParameterSource.DEFAULT
    with (
        steps("Opening the log") as step,
        open_log(log) as source,
        closing(_target(url, key, step, named=named)) as target,
    ):
        lines = Replay(target, outcome, model=chosen_name(), renamed=named).run(source, step)
    if not lines:
        raise click.ClickException(f"{log} has no lines")
    tables.show(outcome.document(), tables_of(outcome), as_json=as_json)
    _end(outcome)


def _end(outcome: "Outcome") -> None:
    """End with status 1 unless the answers are proved to be the same."""
    if not outcome.requests:
        raise click.ClickException("no line could be replayed")
    if not outcome.same:
        raise click.exceptions.Exit(1)


def _target(url: str | None, key: Path | None, step: Step, *, named: bool) -> "Target":
    from app.cli.replay.own_app import open_app
    from app.cli.replay.targets import InProcess, RunningService

    if url is not None:
        return RunningService(url, key=key.read_text().strip() if key else os.environ.get(KEY))
    step("Loading the models")
    return InProcess(open_app(chosen_name(), named=named))
