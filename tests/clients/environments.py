"""The environment of the stock clients, made once and kept in a cache folder, and their scripts."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.services import PATIENCE, missing

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flask-ml-clients"
SCRIPTS = Path(__file__).with_name("scripts")
# Their own pins allow one environment. mlflow-skinny has the scoring client, which imports scipy.
ENVIRONMENT = "kserve-mlflow-triton"
PINS = ("kserve==0.21.0", "mlflow-skinny==3.17.2", "scipy==1.17.1", "tritonclient[http]==2.73.0")


def python_of_clients() -> Path:
    """The Python of the clients' environment."""
    return python_of(ENVIRONMENT, PINS)


def python_of(environment: str, pins: Sequence[str]) -> Path:
    """The Python of an environment with these packages, made in up to two minutes if it is not there.

    Without it the test is skipped, or failed where services are required.
    """
    folder, text = CACHE / environment, "\n".join(pins)
    python, record = folder / "bin" / "python", folder / "installed.txt"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{environment}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of this run, or another run, may be making it
        if not record.exists() or record.read_text() != text:
            install = [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", *pins]
            for command in ([sys.executable, "-m", "venv", "--clear", folder], install):
                made = subprocess.run(command, capture_output=True, text=True)
                if made.returncode:
                    missing(f"pip cannot install {', '.join(pins)}: {made.stderr[-500:]}")
            record.write_text(text)
    return python


def run_client(script: str, **given: Any) -> dict[str, Any]:
    """What the steps of a script got: by their names, each a value, or ``{"raised": …}``.

    :param given: the JSON that the script reads.
    """
    done = subprocess.run(
        [python_of_clients(), SCRIPTS / script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
