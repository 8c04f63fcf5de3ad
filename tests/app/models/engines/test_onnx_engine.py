"""The runtime of the compiled engine is told to report to nobody; a drill sees that it does not."""

import re

import pytest

from benchmarks.models import Model
from benchmarks.peers import PEERS
from benchmarks.servers import Server
from tests.settings import ROOT


def test_the_image_and_the_unit_say_so_too():
    """For whatever else is started there."""
    image = (ROOT / "Dockerfile").read_text().partition("FROM scratch AS base")[2]
    assert "ORT_DISABLE_TELEMETRY=1" in re.search(r"ENV (.*?[^\\])\n", image, re.DOTALL)[1].split()
    for unit in (ROOT / "deploy" / "systemd").glob("*.service"):
        assert "Environment=ORT_DISABLE_TELEMETRY=1" in unit.read_text().splitlines()


@pytest.mark.parametrize("name", PEERS)
def test_no_benchmark_lets_it_report(name, tmp_path):
    server = Server(PEERS[name], Model("any", tmp_path), cache=tmp_path, workers=1)
    assert server.variables()["ORT_DISABLE_TELEMETRY"] == "1"


def test_it_is_imported_nowhere_else():
    """By the service; tests and peers have the variable from elsewhere."""
    folders = (ROOT / name for name in ("app", "examples", "benchmarks", "gunicorn_worker"))
    files = [*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))]
    importing = [
        path for path in files if re.search(r"^\s*(import|from) onnxruntime\b", path.read_text(), re.M)
    ]
    engines, peers = ROOT / "app" / "models" / "engines", ROOT / "benchmarks" / "peers"
    assert importing
    assert [path for path in importing if not {engines, peers} & set(path.parents)] == []
