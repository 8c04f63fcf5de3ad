"""Whoever saves versions is killed at any moment: versions are whole or absent."""

import json
import random
import signal
import subprocess
import sys

import pytest

from app.models.repository.store import ModelStore
from app.models.repository.version_files import fingerprint
from tests.settings import ROOT

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

KILLS = 50
SIZES = {"model.pkl": 300_000, "model.onnx": 100_000, "preprocessing.json": 2_000}

PUBLISHER = """
import sys
from pathlib import Path
from app.models.repository.store import ModelStore

store = ModelStore(Path(sys.argv[1]))
sizes = eval(sys.argv[2])
print("ready", flush=True)
while True:
    store.activate(store.save({name: bytes(size) for name, size in sizes.items()}, {"note": "x" * 20_000}))
"""


def test_publisher_killed_at_fifty_moments_leaves_no_half_version(tmp_path):
    store = ModelStore(tmp_path)
    chance = random.Random(50)
    staged = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), repr(SIZES)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        staged += len(list(tmp_path.glob(".draft-*")))
        for path in tmp_path.glob(".draft-*"):
            path.rename(tmp_path / f"seen{path.name}")
    versions = store.versions()
    for folder in tmp_path.glob("model_*"):
        assert folder.name.removeprefix("model_") in versions
        metadata = json.loads((folder / "metadata.json").read_bytes())
        assert {name: file["size"] for name, file in metadata["files"].items()} == SIZES
        for name, recorded in metadata["files"].items():
            assert fingerprint((folder / name).read_bytes()) == recorded
    assert json.loads((tmp_path / "active.json").read_bytes())["version"] in versions
    store.activate(versions[-1])  # the lock went with its holder
    print(
        f"\n{KILLS} kills, {len(versions)} whole versions, {staged} killed while writing, 0 partial versions"
    )
    assert staged > 0
    assert versions
