"""The client's README: its examples run, one after the other, against the service."""

import re
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from model_service_client import Client
from tests.services import gunicorn
from tests.settings import ROOT

pytestmark = pytest.mark.server

README = (ROOT / "client" / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:5000"


@pytest.fixture(scope="module")
def service(trained_dir, tmp_path_factory):
    with gunicorn(tmp_path_factory.mktemp("service"), MODELS_DIR=trained_dir, WORKERS=1) as running:
        yield running


def test_python_of_the_readme_runs(service, capsys):
    programs = [text for kind, text in BLOCK.findall(README) if kind == "python"]
    assert len(programs) == 3
    names = {}
    for program in programs:
        exec(program.replace(ADDRESS, service.address), names)
    names["client"].close()
    printed = capsys.readouterr().out
    assert "synthetic" in printed
    assert "feature_1: must be a number, not null" in printed
    assert "has 2 values, the model expects 20" in printed


def test_command_of_the_readme_prints_what_it_says(service, tmp_path):
    ((command, output),) = [
        text.removeprefix("$ ").split("\n", 1)
        for kind, text in BLOCK.findall(README)
        if kind == "console" and "score" in text
    ]
    with Client(service.address) as client:
        pd.DataFrame([client.info()["example"]] * 1000).to_csv(tmp_path / "people.csv")
    words = shlex.split(command.replace(ADDRESS, service.address))
    assert words[0] == "model-client"
    ended = subprocess.run(
        [sys.executable, "-m", "model_service_client.scoring.command", *words[1:]],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
    )
    without_time = re.compile(r"in [\d.]+ s")
    assert without_time.sub("", ended.stdout) == without_time.sub("", output)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(pd.read_csv(tmp_path / "scored.csv")) == 1000
