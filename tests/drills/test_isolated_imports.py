"""What a file of a stranger does to the process that reads it."""

import dataclasses
import io
import json
import os
import resource
import signal
import subprocess
import sys
import zlib

import joblib
import psutil
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from app.models.importing.import_process import CPU_SECONDS, MEMORY
from app.models.importing.isolation import import_apart
from app.models.importing.request import ImportRequest
from app.models.repository.store import ModelStore
from app.models.untrusted import ImportRefused
from tests.app.models.loading.test_malicious_pickles import CONTROL, call, direct
from tests.estimators import BOXES
from tests.settings import ROOT

pytestmark = [pytest.mark.drill, pytest.mark.untimed]

ALLOCATE = """
from pathlib import Path
from app.models.importing import import_process
import_process.limit()
print(Path("/proc/self/oom_score_adj").read_text().strip())
try:
    bytearray(import_process.MEMORY)
except MemoryError:
    print("no more")
"""


@pytest.fixture
def request_(tmp_path):
    skops.io.dump(LogisticRegression().fit(BOXES, [0, 1] * 10), tmp_path / "model.skops")
    BOXES.to_csv(tmp_path / "boxes.csv", index=False)
    (tmp_path / "models").mkdir()
    return ImportRequest(tmp_path / "models", tmp_path / "model.skops", tmp_path / "boxes.csv", version="v1")


def importers():
    return [
        child
        for child in psutil.Process().children()
        if "app.models.importing.import_process" in child.cmdline()
    ]


def test_good_model_is_saved_within_limits_and_each_step_is_told(request_):
    steps, limits = [], []

    def look(step, share=None):
        steps.append(step)
        (child,) = importers()
        kinds = (resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_CORE)
        limits.append([child.rlimit(kind)[0] for kind in kinds])

    assert import_apart(request_, report=look) == "v1"
    assert limits[0] == [MEMORY, CPU_SECONDS, 0]
    assert steps[:2] == ["Reading model.skops", "Reading the sample"]
    assert any(step.startswith("Certifying: ") for step in steps)
    assert ModelStore(request_.root).versions() == ["v1"]


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (signal.SIGSEGV, "the process that tried it was ended by SIGSEGV"),
        (signal.SIGKILL, "the process that tried it was ended by SIGKILL"),
        (signal.SIGXCPU, f"it takes more than {CPU_SECONDS} s of computing"),
    ],
)
def test_crash_is_told_and_nothing_is_saved(request_, end, said):
    def crash(step, share=None):
        for child in importers():
            os.kill(child.pid, end)

    with pytest.raises(ImportRefused) as refused:
        import_apart(request_, report=crash)
    assert refused.value.message == f"model.skops cannot be imported: {said}"
    assert ModelStore(request_.root).versions() == []


def test_it_ends_with_whoever_waits_for_it(request_):
    def interrupt(step, share=None):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_apart(request_, report=interrupt)
    assert importers() == []


WAIT = """
import json, os, signal, sys
from app.models.importing.isolation import import_apart
from app.models.importing.request import ImportRequest

def stop(step, share=None):
    print(step, flush=True)
    signal.pause()

import_apart(ImportRequest.from_dict(json.loads(sys.argv[1])), report=stop)
"""


def test_it_ends_with_a_command_that_is_killed(request_):
    argument = json.dumps(request_.to_dict())
    with subprocess.Popen(
        [sys.executable, "-c", WAIT, argument], cwd=ROOT, stdout=subprocess.PIPE
    ) as command:
        assert command.stdout.readline() == b"Reading model.skops\n"
        (child,) = psutil.Process(command.pid).children()
        child.suspend()  # whatever it does
        command.kill()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()


@pytest.mark.parametrize("name", ["model", "sample", "scaler", "onnx"])
def test_a_pipe_is_refused_and_not_waited_for(request_, name, tmp_path):
    os.mkfifo(tmp_path / f"pipe.{name}.skops")
    with pytest.raises(ImportRefused, match=rf"^pipe\.{name}\.skops is no regular file$"):
        import_apart(dataclasses.replace(request_, **{name: tmp_path / f"pipe.{name}.skops"}))


def test_it_gets_no_more_memory_than_that_and_is_the_first_to_go():
    run = subprocess.run(
        [sys.executable, "-c", ALLOCATE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split("\n")[:2] == ["1000", "no more"]


def test_a_message_does_nothing_to_a_terminal(request_):
    request_.model.write_bytes(b"no archive")
    odd = request_.model.rename(request_.model.with_name("a\x1b[2J\nb.skops"))
    with pytest.raises(ImportRefused, match=r"^a \[2J b.skops cannot be read: BadZipFile"):
        import_apart(ImportRequest(request_.root, odd, request_.sample))


def test_the_payloads_would_have_run(tmp_path):
    """Two thirds of them, on every Python; others are not there, or would need a network."""
    for name in direct(tmp_path):
        (tmp_path / name).write_bytes(direct(tmp_path / f"ran {name}".replace(" ", "-"))[name])
    local = [name for name in direct(tmp_path) if name != "pip.main"]
    subprocess.run(
        [sys.executable, "-c", CONTROL, *(str(tmp_path / name) for name in local)],
        timeout=300,
        capture_output=True,
    )
    ran = sorted(path.name for path in tmp_path.glob("ran-*"))
    print(f"\n{len(ran)} of {len(local)} payloads run when they are unpickled")
    assert len(ran) >= 19
    with pytest.raises(SystemExit):
        joblib.load(io.BytesIO(zlib.compress(call("sys.exit"))))
