"""Publishing a large forest takes less than twice the memory of the process that fitted it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings import ROOT

pytestmark = [
    pytest.mark.drill,
    pytest.mark.untimed,
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks are read from Linux"),
]

PEAKS = """
import resource, sys
from pathlib import Path
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from app.settings.process import give_back_memory
from app.models.publishing.fresh_process import FreshProcess
from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore

def kilobytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)))

rows, target = make_classification(30_000, 20, n_informative=5, class_sep=0.5, random_state=0)
process = FreshProcess.started()
model = RandomForestClassifier(300, n_jobs=-1, random_state=0).fit(rows, target).set_params(n_jobs=None)
give_back_memory()
fitted = kilobytes("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
publish(ModelStore(Path(sys.argv[1])), model, sample=rows)
peak = kilobytes("VmHWM")
process.close()
tried = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(fitted, peak, tried)
"""


def test_publishing_a_large_forest_takes_less_than_twice_the_memory_of_fitting_it(store):
    """Of the process, of which the libraries are a part, and of the one in which the version is tried."""
    command = [sys.executable, "-c", PEAKS, str(store.root)]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    fitted, peak, tried = map(int, printed.split())
    assert peak < 1.8 * fitted
    assert tried < 1.4 * fitted
