"""Which files are opened where somebody tries to reach those outside of the store, as the kernel sees it."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from app.models.publishing.publish import publish
from app.models.repository.store import ModelStore
from tests.estimators import BOXES, SumRegressor, fitted
from tests.services import require_command
from tests.settings import ROOT

PATHS = """
import sys
from app import create_app
from app.models.ml_models import model_manager
from tests.app.api.test_models import CALLS, traversals
from tests.conftest import configuration
from pathlib import Path

client = create_app(configuration(Path(sys.argv[1]), LOG_LEVEL="CRITICAL")).test_client()

def ask(payloads):
    for payload in payloads:
        for method, verb in CALLS[:4]:
            client.open(f"/api/models/{payload}{verb}", method=method)

ask(["v1%2fx", "v9", "v1/activate"])
Path(sys.argv[1], "begin").touch()
ask(traversals())
Path(sys.argv[1], "end").touch()
"""

GRAPHS = """
import sys
from pathlib import Path
from app.exceptions import ArtifactInvalid
from app.models.loading import loader
from app.models.repository.store import ModelStore

store = ModelStore(Path(sys.argv[1]))
loader.load(store, "sound", loader.LoadingOptions())
Path(sys.argv[1], "begin").touch()
refused = 0
for version in store.versions():
    try:
        loader.load(store, version, loader.LoadingOptions())
    except ArtifactInvalid as error:
        refused += 1
Path(sys.argv[1], "end").touch()
print(refused)
"""

LOCATIONS = [
    "weights.bin",
    "../outside.bin",
    "../../outside.bin",
    "../../../../../../etc/passwd",
    "/etc/passwd",
]


def opened(program, folder):
    """What a program prints, and the files that it opens, links followed, while it does what counts."""
    strace = require_command("strace")
    log = folder.parent / "opens"
    options = [
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=open,openat,openat2",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    result = subprocess.run(
        [strace, *options, sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if "ptrace" in result.stderr:
        pytest.skip("this machine does not let a process be traced")
    assert result.returncode == 0, result.stderr
    calls = re.findall(r'open(?:at2?)?\((?:AT_FDCWD, )?"([^"]*)"(.*)$', log.read_text(), re.MULTILINE)
    paths = [path for path, result in calls if " = -1 " not in result]
    begin, end = (paths.index(str(folder / mark)) for mark in ("begin", "end"))
    return result.stdout, paths[begin + 1 : end]


def outside(paths, folder):
    """Those that are neither in the store nor code."""
    code = {*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), str(ROOT / "app")}
    found = {str((ROOT / path).resolve()) for path in paths}
    allowed = tuple(str(Path(path).resolve()) for path in (folder, *code))
    # Whoever imports looks into the folders of the path.
    return sorted(path for path in found - {str(ROOT), *sys.path} if not path.startswith(allowed))


@pytest.fixture
def store(tmp_path):
    store = ModelStore(tmp_path / "store" / "models")
    publish(store, fitted(SumRegressor()), sample=BOXES, version="sound")
    return store


def test_three_hundred_paths_open_nothing_outside_of_the_store(store):
    _, paths = opened(PATHS, store.root)
    assert outside(["/etc/passwd", str(store.root / "model_sound")], store.root) == ["/etc/passwd"]
    print(f"\n300 payloads: {len(paths)} opens, outside of the store: {outside(paths, store.root)}")
    assert outside(paths, store.root) == []


def test_external_data_of_onnx_files_is_not_opened(store, tmp_path):
    """By name, up and away, and through a link that lies in the version's own folder, listed and not."""
    from sklearn.linear_model import LogisticRegression

    from tests.app.models.loading.test_verification import edit, external_onnx, fingerprint, put

    secret = tmp_path / "store" / "outside.bin"
    secret.write_bytes(bytes(24))
    model = LogisticRegression().fit(BOXES.to_numpy(), [0, 1] * 10)
    publish(store, model, sample=BOXES, version="compiled")
    for number, location in enumerate(LOCATIONS):
        for variant in ("plain", "linked", "linked and listed"):
            version = f"v{number}-{variant.replace(' ', '-')}"
            folder = shutil.copytree(store.folder("compiled"), store.folder(version))
            edit(folder, lambda metadata, version=version: metadata.update(version=version))
            put(folder, "model.onnx", external_onnx(location if variant == "plain" else "weights.bin"))
            if variant != "plain":
                (folder / "weights.bin").symlink_to(location if number else secret)
            if variant == "linked and listed":
                recorded = {"weights.bin": fingerprint(secret.read_bytes())}
                edit(folder, lambda metadata, recorded=recorded: metadata["files"].update(recorded))
    store.remove("compiled")
    printed, paths = opened(GRAPHS, store.root)
    assert printed.strip() == str(3 * len(LOCATIONS))
    assert outside(paths, store.root) == []
    print(f"\n{printed.strip()} graphs refused, {len(paths)} opens, none outside of the store")
