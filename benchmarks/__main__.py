"""Commands of ``python -m benchmarks``: setup, run, table, plot, page."""

import shutil
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import budgets, machine, models, page, results, table
from benchmarks.client import Client
from benchmarks.environments import Environment, InstallationError
from benchmarks.load import Generator
from benchmarks.measure import Plan, measure
from benchmarks.peers import PEERS
from benchmarks.wrk import Wrk

GENERATORS: dict[str, Generator] = {"wrk": Wrk(), "client": Client()}
console = Console()


class Names(click.ParamType[tuple[str, ...]]):
    """Comma-separated subset of known names."""

    name = "names"

    def __init__(self, known: Iterable[str]) -> None:
        self.known = tuple(known)

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        names = tuple(value.split(",")) if isinstance(value, str) else value
        for name in names:
            if name not in self.known:
                self.fail(f"{name!r} is not one of {', '.join(self.known)}", param, ctx)
        return names


option = partial(click.option, show_default=True)
peers_option = option("--peers", type=Names(PEERS), default=",".join(PEERS), help="Which servers.")
cache_option = option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default=".bench",
    help="Where environments, models and logs are kept.",
)
file_argument = click.argument(
    "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False
)


@click.group()
def main() -> None:
    """Measure the service beside the servers that do the same job."""


@main.command()
@peers_option
@cache_option
def setup(peers: tuple[str, ...], cache: Path) -> None:
    """Make the virtual environments, as `run` does too; ten minutes at the first time."""
    failed = False
    with _progress() as progress:
        task = progress.add_task("", total=len(peers))
        for name in peers:
            progress.update(task, description=f"installing {PEERS[name].title}")
            try:
                Environment(PEERS[name], cache).make()
            except InstallationError as error:
                failed = True
                progress.console.print(f"[red]{name}: {error}")
            progress.advance(task)
    if failed:
        raise SystemExit(1)


@main.command()
@peers_option
@cache_option
@option("--models", "names", type=Names(models.TITLES), default=",".join(models.TITLES))
@option("--rows", type=Names(("1", "100", "10000")), default="1,100,10000", help="Per request.")
@option("--rounds", default=3, help="Of which the medians count.")
@option("--seconds", default=5.0, help="Of load for each figure.")
@option("--warm-up", default=1.0, help="Seconds of load before that, which do not count.")
@option("--connections", default=16, help="Kept alive where the server does.")
@option("--workers", default=2, help="Processes of each server.")
@option("--load", type=click.Choice(list(GENERATORS)), help="By default wrk, if installed.")
@option("--results", "folder", type=click.Path(path_type=Path), default=results.FOLDER)
def run(
    peers: tuple[str, ...],
    cache: Path,
    names: tuple[str, ...],
    rows: tuple[str, ...],
    load: str | None,
    folder: Path,
    **settings: Any,
) -> None:
    """Measure, save the results, and show them as a table and a chart."""
    generator = GENERATORS[load or ("wrk" if shutil.which("wrk") else "client")]
    date = datetime.now(UTC)
    plan = Plan(
        peers=tuple(PEERS[name] for name in peers),
        models=tuple(models.fit(name, cache) for name in names),
        rows=tuple(map(int, rows)),
        cache=cache,
        generator=generator,
        **settings,
    )
    runs = []
    with _progress() as progress:
        task = progress.add_task("", total=len(plan))
        try:
            for found in measure(plan, lambda text: progress.update(task, description=text)):
                runs.append(found)
                progress.advance(task)
        except KeyboardInterrupt:
            progress.console.print("[yellow]Stopped; what was measured until now is kept.")
    about = {
        "date": date.isoformat(timespec="seconds"),
        "machine": machine.facts(),
        "settings": settings | {"load": generator.name, "wrk": machine.wrk_version()},
        "versions": {peer.name: Environment(peer, cache).versions() for peer in plan.peers},
    }
    report = results.Report(about, results.summarise(runs), runs)
    file = folder / f"{date:%Y-%m-%d_%H%M%S}.json"
    report.save(file, budgets=[asdict(result) for result in budgets.evaluate(report.rows)])
    console.print(table.render(report))
    _draw(report, file)


@main.command("table")
@file_argument
@click.option("--json", "as_json", is_flag=True, help="The results file itself.")
def show(file: Path | None, as_json: bool) -> None:
    """Show the newest results, or those in FILE."""
    file = file or _newest()
    if as_json:
        click.echo(file.read_text(), nl=False)
    else:
        console.print(table.render(results.Report.read(file)))


@main.command()
@file_argument
def plot(file: Path | None) -> None:
    """Draw the newest results, or those in FILE, as a PNG beside it."""
    file = file or _newest()
    _draw(results.Report.read(file), file)


@main.command("page")
@file_argument
def write_page(file: Path | None) -> None:
    """Put the newest results, or those in FILE, into docs/performance.md."""
    file = file or _newest()
    page.write(results.Report.read(file), file)
    console.print(f"Written to {page.PAGE}", highlight=False)


def _draw(report: results.Report, file: Path) -> None:
    # Matplotlib takes a second to import.
    from benchmarks import chart

    picture = file.with_suffix(".png")
    chart.draw(report, picture)
    console.print(f"Saved {file} and {picture.name}", highlight=False)


def _newest() -> Path:
    file = results.newest()
    if file is None:
        raise click.ClickException("no results yet: python -m benchmarks run")
    return file


def _progress() -> Progress:
    description = TextColumn("{task.description}")
    columns = (description, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


if __name__ == "__main__":
    main()
