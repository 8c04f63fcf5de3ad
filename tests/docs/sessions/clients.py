"""client/README.md: the Python client, and a service with the default model."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from model_service_client import Client
from model_service_client.command import main
from tests.docs.curl_request import ADDRESS
from tests.docs.pages import Step
from tests.docs.sessions.session import Session
from tests.services import gunicorn


class Served(Session):
    """Every step asks the service at an address."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder, programs={"model-client ": self.score})
        self.address = address

    def run(self, step: Step) -> str:
        return super().run(step._replace(text=step.text.replace(ADDRESS, self.address)))

    def score(self, arguments: list[str]) -> str:
        """The output of ``model-client``, run in this process."""
        with redirect_stdout(StringIO()) as output:
            self.status = main(arguments)
        return output.getvalue()


@contextmanager
def clients(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """The service, and a file of a thousand people."""
    with gunicorn(folder, MODELS_DIR=request.getfixturevalue("trained_dir"), WORKERS=1) as service:
        with Client(service.address) as client:
            pd.DataFrame([client.info()["example"]] * 1000).to_csv(folder / "people.csv", index=False)
        session = Served(folder, service.address)
        yield session
        session.names["client"].close()
