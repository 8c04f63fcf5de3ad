"""``python -m tests.dialects``: every call of every dialect, in a minute."""

import os
import sys
import tempfile
from functools import cache
from pathlib import Path

import click
from flask.testing import FlaskClient
from rich.console import Console
from rich.progress import track

from app import create_app
from app.models.ml_models import model_manager
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.conftest import configuration
from tests.dialects import page
from tests.dialects.check import check
from tests.dialects.contracts import CONTRACTS
from tests.dialects.models import MODELS, Brought
from tests.dialects.refusals import SETTINGS

console = Console(stderr=True)


@click.command()
def main() -> None:
    """Send everything that every dialect knows, and write the table of docs/dialects.md."""
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    with tempfile.TemporaryDirectory() as folder:

        @cache
        def serve(name: str) -> tuple[Brought, FlaskClient]:
            brought = MODELS[name]()
            return brought, _client(Path(folder) / name, brought)

        empty = create_app(configuration(Path(folder) / "empty", **SETTINGS)).test_client()
        results = [
            check(each, tuple(MODELS), serve, empty)
            for each in track(CONTRACTS, "Comparing", console=console)
        ]
    for result in results:
        for problem in result.problems:
            console.print(
                f"[red]{result.contract.call}, {result.contract.body}[/]: {problem}", highlight=False
            )
    page.write(results)
    sys.exit(1 if any(result.problems for result in results) else 0)


def _client(root: Path, brought: Brought) -> FlaskClient:
    version = publish(ModelStore(root), brought.model, sample=brought.sample)
    app = create_app(configuration(root, **SETTINGS))
    with app.app_context():
        model_manager.load_model(version)
    return app.test_client()


if __name__ == "__main__":
    main()
