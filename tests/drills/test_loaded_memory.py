"""Memory that loading a large forest freed goes back to the system."""

import platform
import subprocess
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from app.models.publishing.publish import publish
from tests.settings import ROOT

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

RESIDENT = """
import sys
from pathlib import Path
from app.models.loading import loader
from app.models.repository.store import ModelStore

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

if sys.argv[2] == "kept":
    loader.give_back_memory = lambda: None
version = loader.load(ModelStore(Path(sys.argv[1])), "v1", loader.LoadingOptions(engine="onnx"))
print(resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators give back by themselves")
def test_memory_that_loading_freed_goes_back_to_the_system(store):
    rows = np.random.default_rng(0).normal(size=(6_000, 8))
    model = RandomForestClassifier(120, random_state=0).fit(rows, rows[:, 0] + rows[:, 1] ** 2 > 1)
    publish(store, model, sample=rows[:200], version="v1")

    def pages(kept):
        command = [sys.executable, "-c", RESIDENT, str(store.root), kept]
        return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)

    assert pages("given back") < 0.95 * pages("kept")
