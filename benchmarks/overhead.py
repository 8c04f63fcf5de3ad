"""What keys, limits, logs and metrics add to a prediction, in process: ``python -m benchmarks.overhead``.

Two processes, one with everything on and one with everything off, answer the same requests by turns.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from benchmarks import models, scenarios
from benchmarks.bodies import read
from benchmarks.peers import EVERYTHING_OFF, KEY, PEERS, SERVICE_ENVIRONMENT
from benchmarks.peers.service import publish
from benchmarks.table import new_table, number

ROOT = Path(__file__).resolve().parent.parent
VARIANTS = {"everything on": SERVICE_ENVIRONMENT, "everything off": EVERYTHING_OFF}
CALLS = 300


@click.command()
@click.option("--rounds", default=60, show_default=True, help="By turns, of 300 predictions each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def main(rounds: int, as_json: bool) -> None:
    """Measure the CPU time of a prediction with everything on and with everything off."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bodies = publish_forest(folder)
        children = {
            name: stack.enter_context(_answering(variables, folder, bodies))
            for name, variables in VARIANTS.items()
        }
        times: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for _ in track(range(rounds), "Measuring", console=Console(stderr=True), transient=True):
            for name, child in children.items():
                times[name].append(_ask(child))
    found = {name: {"best_us": min(taken), "median_us": median(taken)} for name, taken in times.items()}
    on, off = found["everything on"], found["everything off"]
    found["added"] = {key: on[key] - off[key] for key in on}
    if as_json:
        click.echo(json.dumps(found))
        return
    table = new_table("CPU of a prediction in process, µs")
    for column in ("", "best", "median"):
        table.add_column(column, justify="right" if column else "left")
    for name, figures in found.items():
        table.add_row(name, *map(number, figures.values()))
    Console().print(table)


def publish_forest(folder: Path) -> Path:
    """Publish a forest into a store in ``folder``, and write bodies of requests for it."""
    model = models.fit("rf100", folder)
    publish.main(model.folder, folder / "store")
    return scenarios.requests(PEERS["service"], model, 1).write(folder / "bodies")


def child_environment(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a process that answers from the store in ``folder`` and counts for itself."""
    filled = {name: value.format(port=0, workers=1, work=folder) for name, value in variables.items()}
    counts = tempfile.mkdtemp(prefix="counts-", dir=folder)
    return (
        os.environ
        | filled
        | {"PORT": "5000", "LOG_FILE": f"{folder}/log", "PROMETHEUS_MULTIPROC_DIR": counts}
    )


@contextmanager
def _answering(variables: Mapping[str, str], folder: Path, bodies: Path) -> Iterator[Any]:
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.overhead", "--answer", str(bodies)],
        cwd=ROOT,
        env=child_environment(variables, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _ask(child: Any) -> float:
    child.stdin.write("go\n")
    child.stdin.flush()
    return float(child.stdout.readline())


def answer(bodies: list[bytes]) -> None:
    """Answer `CALLS` requests for each line on stdin, and print the CPU time of one in µs."""
    output, sys.stdout = sys.stdout, io.StringIO()  # the log goes to its file, and figures alone to stdout
    from run import app

    for _ in sys.stdin:
        begun = thread_time()
        for call in range(CALLS):
            b"".join(app(wsgi_environment(bodies[call % len(bodies)]), start_response))
        print((thread_time() - begun) / CALLS * 1e6, file=output, flush=True)


def start_response(status: str, *_: Any) -> Callable[[bytes], object]:
    """What a server hands over to be told the status, which must be 200 here."""
    assert status == "200 OK", status
    return lambda content: None


def wsgi_environment(body: bytes) -> dict[str, Any]:
    """A prediction's request, as a server hands it over."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/predict",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "5000",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_API_KEY": KEY,
        "wsgi.input": io.BytesIO(body),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--answer"]:
        answer(read(Path(sys.argv[2])))
    else:
        main()
