"""The runtime of the compiled engine calls nobody and writes nothing."""

import os
import re
import subprocess
import sys

import pytest

from tests.services import require_command
from tests.settings import ROOT

PREDICT = """
import sys, time
from pathlib import Path
from app.models.loading import loader
from app.models.repository.store import ModelStore

model = loader.load(ModelStore(Path(sys.argv[1])), "synthetic", loader.LoadingOptions(engine="onnx"))
assert model.engine.name == "onnx"
time.sleep(3)
"""
CERTIFY = """
import sys, time
from pathlib import Path
from app.models.publishing.publish import recertify
from app.models.repository.store import ModelStore

recertify(ModelStore(Path(sys.argv[1])), "synthetic")
time.sleep(3)
"""
# Where these are set the runtime is silent by itself, and the test would see nothing.
SILENCING = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")


@pytest.fixture
def copied(trained_dir, tmp_path):
    import shutil

    shutil.copytree(trained_dir / "model_synthetic", tmp_path / "models" / "model_synthetic")
    return tmp_path / "models"


@pytest.mark.parametrize("program", [PREDICT, CERTIFY], ids=["predicting", "certifying"])
def test_nobody_is_called_and_nothing_is_left_in_the_home_folder(program, copied, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in SILENCING}
    calls = tmp_path / "calls"
    subprocess.run(
        [require_command("strace"), "-f", "-e", "trace=connect,sendto,sendmmsg", "-o", str(calls),
         sys.executable, "-c", program, str(copied)],
        cwd=ROOT, env=environment | {"HOME": str(home)}, timeout=120, check=True, capture_output=True,
    )  # fmt: skip
    assert list(home.rglob("*")) == []
    assert re.findall(r"^.*AF_INET.*$", calls.read_text(), re.MULTILINE) == []
