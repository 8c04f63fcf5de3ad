"""Environments with old versions of scikit-learn: every family is fitted and exported there, and served here.

The environments are made once, in a cache folder: ``make ages`` tries them all with 100,000 rows a family,
``make ages-short`` the oldest one with a few hundred.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.models.importing.exported.publish_export import import_export
from app.models.loading import loader
from app.models.repository.store import ModelStore
from app.models.schema.tolerance import PROMISED, scale
from app.models.schema.validation import validate_rows
from tests.settings import ROOT

pytestmark = pytest.mark.drill

PYTHONS = Path.home() / ".pyenv" / "versions"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flask-ml-old-environments"
# By scikit-learn: the Python, and what its binaries were built with.
ENVIRONMENTS = {
    "0.24.2": ("3.8.18", ("numpy<1.24",)),
    "1.0.2": ("3.9.18", ("numpy<1.24", "scipy<1.9")),
    "1.2.2": ("3.10.13", ("numpy<2",)),
    "1.3.2": ("3.10.13", ("numpy<2",)),
    "1.4.2": ("3.12.1", ("numpy<2",)),
    "1.5.2": ("3.12.1", ()),
    "1.6.1": ("3.12.1", ()),
    "1.7.2": ("3.13.0", ()),
    "1.8.0": ("3.13.0", ()),
}
OLDEST = "0.24.2"
FEW, MANY = 300, 100_000


def python_of(version):
    """The Python of an environment with this scikit-learn, which is made if it is not there."""
    own, pins = ENVIRONMENTS[version]
    if not (PYTHONS / own).exists():
        pytest.skip(f"Python {own} is absent, which scikit-learn {version} needs")
    folder = CACHE / version
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{version}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not (folder / "complete").exists():
            subprocess.run([PYTHONS / own / "bin" / "python", "-m", "venv", "--clear", folder], check=True)
            install = ["-m", "pip", "install", "--quiet", "--only-binary=:all:"]
            subprocess.run(
                [folder / "bin" / "python", *install, f"scikit-learn=={version}", "pandas", *pins], check=True
            )
            (folder / "complete").touch()
    return folder / "bin" / "python"


def run(*command):
    """Run a program, and show what it says only if it fails."""
    found = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-2_000:]


def answers(path, name, store):
    """What is served for the rows of a family: the output signature, values and probabilities."""
    model = loader.load(store, name, loader.LoadingOptions())
    frame = path / f"{name}.rows.csv"
    if frame.exists():
        no_marks = {"keep_default_na": False} if name.startswith("text") else {}
        cells = pd.read_csv(frame, **no_marks).astype(object).to_numpy().tolist()
        rows = [[None if value != value else value for value in row] for row in cells]
    else:
        rows = np.load(path / f"{name}.rows.npy")
    return model.output, *model.engine.predict(validate_rows(rows, model.signature))


def difference(path, name, store):
    """How a family is served otherwise than its own library answered, or None."""
    own = np.load(path / f"{name}.npz", allow_pickle=True)
    output, values, probabilities = answers(path, name, store)
    if output.classes or output.targets:
        served = np.array(output.decoded(values.tolist()), dtype=object)
        if wrong := int((served != own["values"]).sum()):
            return f"{wrong} labels differ"
        if probabilities is None:
            return None
        if probabilities.shape != own["probabilities"].shape:  # each is that of a second class
            probabilities = probabilities[:, 1::2]
        apart = np.abs(probabilities - own["probabilities"]).max()
    else:
        apart = (np.abs(values - own["values"]) / scale(own["values"], output)).max()
    return None if apart <= PROMISED else f"numbers differ by {apart:.2g}"


def check(version, n_rows, folder):
    """Fit, export, import and compare every family; the reasons by family of those that are not right."""
    python = python_of(version)
    run(python, ROOT / "tests" / "exported" / "families.py", folder, n_rows)
    (folder / "models").mkdir()
    store, faults = ModelStore(folder / "models"), {}
    for pickle in sorted(folder.glob("*.pkl")):
        name, export = pickle.stem, pickle.with_suffix(".export")
        sample = next(
            folder / f"{name}{suffix}" for suffix in (".csv", ".npy") if (folder / f"{name}{suffix}").exists()
        )
        try:
            run(python, ROOT / "tools" / "export_model.py", pickle, sample, export)
            import_export(store, export, version=name)
            reason = difference(folder, name, store)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        if reason is not None:
            faults[name] = reason
        print(f"scikit-learn {version} {name}: {reason or 'equal'}", file=sys.stderr)
    assert len(store.versions()) >= 20
    return faults


def test_short_the_oldest_version_is_served_as_it_answered(tmp_path):
    assert check(OLDEST, FEW, tmp_path) == {}


@pytest.mark.parametrize("version", ENVIRONMENTS)
def test_full_every_version_is_served_as_it_answered(version, tmp_path):
    assert check(version, MANY, tmp_path) == {}
