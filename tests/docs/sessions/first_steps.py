"""docs/getting-started.md: a checkout in which ``make run`` serves, and the shell for everything else."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.docs.curl_request import ADDRESS
from tests.docs.sessions.session import Session
from tests.services import PATIENCE, Service, environment, free_port, missing, require_command, start
from tests.settings import ROOT

FIRST = "20261127_040110"  # what the page calls the first version
INSTALLED = ROOT / ".venv" / "installed"


class Shell(Session):
    """Every command goes to the shell, and asks the server of the session."""

    def __init__(self, folder: Path, server: Service, variables: dict[str, object]) -> None:
        super().__init__(folder, same={"/home/ada/model-service": str(folder), FIRST: "synthetic"})
        self.server = server
        self.variables = variables

    def command(self, command: str) -> str:
        return self.shell(command.replace(ADDRESS, self.server.address), **self.variables)


@contextmanager
def first_steps(request: pytest.FixtureRequest, folder: Path) -> Iterator[Session]:
    """What ``make run`` serves. The default model is there already: training takes longer than the rest."""
    make = require_command("make")
    require_command("curl")
    if not INSTALLED.exists():
        missing("make run would install everything anew")
    for path in ROOT.iterdir():
        if path.name not in {"models", "requirements.txt", ".git"}:
            (folder / path.name).symlink_to(path)
    (folder / "requirements.txt").touch()
    os.utime(folder / "requirements.txt", (0, 0))  # older than what is installed
    trained = request.getfixturevalue("trained_dir")
    copytree(trained, folder / "models", ignore=ignore_patterns("model_wine", "model_people"))
    variables = {"MODELS_DIR": folder / "models", "PORT": free_port(), "WORKERS": 2}
    with (folder / "output.log").open("wb") as output:
        inherited = environment(APP_ENV="testing", **variables)
        process = start([make, "run"], cwd=folder, env=inherited, stdout=output, stderr=output)
    try:
        server = Service(int(str(variables["PORT"])), process, folder / "output.log")
        server.wait_until(server.alive)
        server.wait_until(lambda: server.get("/api/health").status_code == 200)
        yield Shell(folder, server, {"APP_ENV": "testing", "LOG_LEVEL": "WARNING"} | variables)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(PATIENCE)
