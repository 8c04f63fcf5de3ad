"""An environment with MLflow, whose pins are not ours: made once, in a cache folder, and a server in it."""

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from tests.services import PATIENCE, Service, free_port, missing, start, wait_until
from tests.settings import ROOT

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flask-ml-clients"
# What models are pickled with must be what they are read with.
SHARED = {"scikit-learn", "skops", "cloudpickle", "numpy", "pandas", "lightgbm", "xgboost-cpu"}
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
LOG_MODELS = Path(__file__).with_name("log_models.py")
# Seconds: a server imports for 15 on a busy machine.
START = 4 * PATIENCE


def pins():
    """The lines of our requirements for `SHARED`."""
    text = "\n".join((ROOT / f"requirements{part}.txt").read_text() for part in ("", "-boosting"))
    return [line for line in text.splitlines() if line.partition("==")[0] in SHARED]


def mlflow_python():
    """The Python of the environment, which is made if it is not there; skips where pip cannot."""
    folder, wanted = CACHE / "mlflow", "\n".join(pins())
    CACHE.mkdir(parents=True, exist_ok=True)
    complete = folder / "complete"
    with open(CACHE / "mlflow.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of the run may be making it
        if not complete.exists() or complete.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            install = ["-m", "pip", "install", "--quiet", "--only-binary=:all:", "mlflow", *pins()]
            made = subprocess.run([folder / "bin" / "python", *install], capture_output=True, text=True)
            if made.returncode:
                missing(f"pip cannot install mlflow: {made.stderr.strip().splitlines()[-1]}")
            complete.write_text(wanted)
    return folder / "bin" / "python"


def log(*arguments, **variables):
    """Run ``log_models.py`` in the environment."""
    command = [mlflow_python(), LOG_MODELS, *map(str, arguments)]
    found = subprocess.run(command, env=os.environ | QUIET | variables, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-2_000:]


@contextmanager
def mlflow_server(folder):
    """A tracking server with a registry, which passes artifacts on."""
    port, output = free_port(), folder / "mlflow.log"
    store = [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        folder / "files",
    ]
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [mlflow_python(), "-m", "mlflow", "server", *store, *place]
    with output.open("ab") as file:
        process = start(command, cwd=folder, env=os.environ | QUIET, stdout=file, stderr=subprocess.STDOUT)
    try:
        server = Service(port, process, output)
        wait_until(lambda: _answers(server), START)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _answers(server):
    with suppress(OSError, HTTPException):
        return server.ask(path="/health")[0] == 200
    assert server.process.poll() is None, server.output.read_text()
    return False
