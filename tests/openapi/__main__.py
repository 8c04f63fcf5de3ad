"""``python -m tests.openapi``: 10,000 cases or more of schemathesis for each of three models."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import click
from rich.console import Console

from tests.dialects.models import Brought, adult, diabetes, texts, wine
from tests.openapi.running import schemathesis, serving, stored, write_tables
from tests.settings import ROOT

DATA = ROOT.parent / "shared" / "data"
CASES = 10_000
EXAMPLES = 100  # of each operation, which make so many cases with those of the other phases
console = Console()


def census() -> Brought:
    """Numbers and labels, some of them missing."""
    return adult(DATA)


MODELS: Mapping[str, Callable[[], Brought]] = {
    "census": census,
    "wine": wine,
    "diabetes": diabetes,
    "texts": texts,
}


@click.command()
@click.option(
    "--model", "names", multiple=True, type=click.Choice(list(MODELS)), default=["census", "wine", "texts"]
)
@click.option("--examples", default=EXAMPLES, show_default=True, help="Drawn at random, of each operation.")
@click.option("--full-output", is_flag=True)
def main(names: tuple[str, ...], examples: int, *, full_output: bool) -> None:
    """Send what the document allows and what it forbids, and let all checks judge the answers."""
    os.environ.update(PYTHON_DOTENV_DISABLED="1", APP_ENV="testing")
    failed = False
    for name in names:
        if name == "census" and not DATA.is_dir():
            console.print(f"{name}: skipped, the data are not on this machine")
            continue
        with tempfile.TemporaryDirectory() as folder:
            brought = MODELS[name]()
            stored(brought, Path(folder))
            with serving(Path(folder)) as service:
                run = schemathesis(service, write_tables(brought, Path(folder) / "tables"), examples=examples)
        enough = run.cases >= CASES or examples < EXAMPLES
        failed |= not (run.passed and enough)
        console.print(f"{name}: {run.cases:,} cases, {'nothing found' if run.passed else 'FOUND:'}")
        if not run.passed or full_output:
            console.print(run.output, markup=False, highlight=False)
    sys.exit(failed)


if __name__ == "__main__":
    main()
