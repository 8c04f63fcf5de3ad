"""Which functions of the project a prediction passes through: ``python -m benchmarks.trace``.

Counts calls as ``sys.setprofile`` reports them, from the WSGI callable on. Keys, limits, metrics and the log,
to stdout, are on.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.bodies import read
from benchmarks.overhead import ROOT, child_environment, publish_forest, start_response, wsgi_environment
from benchmarks.peers import SERVICE_ENVIRONMENT
from benchmarks.table import new_table

WARM_UP = 20  # requests, after which caches are filled and routes collected
MAX_CALLS, MAX_FILES = 85, 28


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(as_json: bool) -> None:
    """Count the calls of one POST /api/predict, file by file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bodies = publish_forest(folder)
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.trace", "--trace", str(bodies)],
            cwd=ROOT,
            env=child_environment(SERVICE_ENVIRONMENT, folder) | {"LOG_FILE": ""},
            stdout=subprocess.PIPE,
            check=True,
        )
    functions: dict[str, dict[str, int]] = json.loads(child.stdout.splitlines()[-1])
    calls = {file: sum(counted.values()) for file, counted in functions.items()}
    if as_json:
        click.echo(json.dumps({"calls": sum(calls.values()), "files": len(calls), "functions": functions}))
        return
    table = new_table(f"{sum(calls.values())} calls (≤ {MAX_CALLS}) in {len(calls)} files (≤ {MAX_FILES})")
    table.add_column("file", no_wrap=True)
    table.add_column("calls", justify="right")
    table.add_column("functions")
    for file, counted in functions.items():
        names = (name if number == 1 else f"{name} × {number}" for name, number in counted.items())
        table.add_row(file, str(calls[file]), ", ".join(names))
    Console().print(table)


def trace(bodies: list[bytes]) -> None:
    """Print, as JSON, how often one request calls each function of the project."""
    from run import app

    def count(frame: Any, event: str, _: Any) -> None:
        if event == "call" and (file := project_file(frame.f_code.co_filename)):
            counted.setdefault(file, Counter())[frame.f_code.co_qualname] += 1

    for call in range(WARM_UP):
        b"".join(app(wsgi_environment(bodies[call % len(bodies)]), start_response))
    counted: dict[str, Counter[str]] = {}
    environ = wsgi_environment(bodies[WARM_UP % len(bodies)])
    sys.setprofile(count)
    try:
        b"".join(app(environ, start_response))
    finally:
        sys.setprofile(None)
    print(json.dumps(counted))


def project_file(name: str) -> str | None:
    """The path of a source file of the project, or None for one of a library or of the measurement."""
    path = Path(name)
    if not path.is_relative_to(ROOT):
        return None
    parts = path.relative_to(ROOT).parts
    return None if parts[0].startswith(".") or parts[0] == "benchmarks" else "/".join(parts)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trace"]:
        trace(read(Path(sys.argv[2])))
    else:
        main()
