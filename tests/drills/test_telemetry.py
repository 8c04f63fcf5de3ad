"""The runtime of the compiled engine calls nobody and writes nothing, whatever program imports it.

onnxruntime decides at its import whether it reports, and then makes an id of the machine in the home folder.
It looks up whom it calls as late as 45 s afterwards, which no test can wait for.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from tests.estimators import BOXES
from tests.services import PATIENCE, Service, free_port, start, wait_until
from tests.settings import ROOT

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

PREDICT = """
import sys
from pathlib import Path
from app.models.loading import loader
from app.models.repository.store import ModelStore

model = loader.load(ModelStore(Path(sys.argv[1])), "synthetic", loader.LoadingOptions(engine="onnx"))
assert model.engine.name == "onnx"
"""
CERTIFY = """
import sys
from pathlib import Path
from app.models.publishing.publish import recertify
from app.models.repository.store import ModelStore

recertify(ModelStore(Path(sys.argv[1])), "synthetic")
"""
FLASK = [sys.executable, "-m", "flask", "--app", "run"]
COMMANDS = {
    "predicting": [sys.executable, "-c", PREDICT, "{models}"],
    "certifying": [sys.executable, "-c", CERTIFY, "{models}"],
    "importing": [*FLASK, "models", "import", "{work}/model.skops", "--sample", "{work}/boxes.csv"],
    "training": [sys.executable, "train_model.py", "--dataset", "iris", "--param", "n_estimators=2"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "run:app"],
    "granian": [sys.executable, "granian_server.py"],
}
SERVERS = {"gunicorn", "granian"}
# Where these are set the runtime is silent by itself, and the test would see nothing.
SILENCING = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
# Python reads this file at the start of each program: it notes how each of them imports onnxruntime.
NOTE_IMPORTS = """
import os, sys

class Noting:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            with open(os.environ["NOTES"], "a") as notes:
                print(os.environ.get("ORT_DISABLE_TELEMETRY"), file=notes)

sys.meta_path.insert(0, Noting())
"""


class Watched:
    """An environment in which each import of onnxruntime is noted, with an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.home, self.notes = folder / "home", folder / "notes"
        self.home.mkdir()
        (folder / "watch").mkdir()
        (folder / "watch" / "sitecustomize.py").write_text(NOTE_IMPORTS)
        inherited = {name: value for name, value in os.environ.items() if name not in SILENCING}
        self.variables = inherited | {
            "HOME": str(self.home),
            "NOTES": str(self.notes),
            "PYTHONPATH": str(folder / "watch"),
        }

    def imports(self) -> list[str]:
        """What the variable was at each import."""
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def left(self) -> set[str]:
        """The names of the files in the home folder."""
        return {path.name for path in self.home.rglob("*") if path.is_file()}


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


@pytest.fixture
def copied(trained_dir, tmp_path):
    shutil.copytree(trained_dir / "model_synthetic", tmp_path / "models" / "model_synthetic")
    return tmp_path / "models"


def test_it_would_make_an_id_of_the_machine(watched):
    """Which the other tests would see."""
    subprocess.run([sys.executable, "-c", "import onnxruntime"], env=watched.variables, check=True)
    assert watched.imports() == ["None"]
    assert "deviceid" in watched.left()


@pytest.mark.parametrize("name", COMMANDS)
def test_no_program_lets_it_report(name, watched, copied, tmp_path):
    skops.io.dump(LogisticRegression().fit(BOXES, [0, 1] * 10), tmp_path / "model.skops")
    BOXES.to_csv(tmp_path / "boxes.csv", index=False)
    places = {"{models}": str(copied), "{work}": str(tmp_path)}
    command = [re.sub(r"{\w+}", lambda found: places[found[0]], part) for part in COMMANDS[name]]
    port = free_port()
    settings = {"APP_ENV": "testing", "MODELS_DIR": str(copied), "PORT": str(port), "WORKERS": "1"}
    if name in SERVERS:
        pytest.importorskip(name)
        serve(command, port, tmp_path / "log", watched.variables | settings | {"MODEL_ENGINE": "onnx"})
    else:
        environment = watched.variables | settings
        subprocess.run(command, cwd=ROOT, env=environment, timeout=120, check=True, capture_output=True)
    assert set(watched.imports()) == {"1"}
    assert watched.left() == set()


def serve(command, port, output, environment):
    """Let a server load its model."""
    with output.open("wb") as log:
        process = start(command, stdout=log, stderr=log, cwd=ROOT, env=environment)
    try:
        service = Service(port, process, output)
        wait_until(lambda: service.alive() and service.get("/api/health/ready").status_code == 200)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
