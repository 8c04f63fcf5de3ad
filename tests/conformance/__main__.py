"""``python -m tests.conformance``: the whole matrix, in 25 minutes on two cores."""

import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from tests.conformance import matrix
from tests.conformance.check import Result, check

console = Console(stderr=True)


@click.command()
@click.option("--only", default="", help="Only models with this in their name; the page stays as it is.")
@click.option("--jobs", default=2, show_default=True, help="Processes at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(only: str, jobs: int, as_json: bool) -> None:
    """Bring every model, compare every answer, and write docs/conformance.md."""
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    names = [name for name in matrix.cases() if only in name]
    found: dict[str, Result] = {}
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(_check, name) for name in names]
        done = as_completed(futures)
        for future in track(done, "Comparing", total=len(names), console=console):
            result = future.result()
            found[result.name] = result
            if not result.ok:
                console.print(
                    f"[red]{result.name}[/]: {result.failure or result.problems[:3]}", highlight=False
                )
    results = [found[name] for name in names if found[name].fits]
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results]))
    else:
        click.echo(matrix.summary(results))
    if not only:
        matrix.write(results)
    sys.exit(0 if all(result.ok for result in results) else 1)


def _check(name: str) -> Result:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    case = matrix.cases()[name]
    with tempfile.TemporaryDirectory() as folder:
        return check(case, Path(folder) / "models")


if __name__ == "__main__":
    main()
