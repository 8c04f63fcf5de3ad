"""A process for the files of strangers: what it does to itself, it does not do to the caller."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.models.importing.import_process import CPU_SECONDS
from app.models.importing.request import ImportRequest
from app.models.untrusted import ImportRefused

ROOT = Path(__file__).resolve().parents[3]


def import_apart(request: ImportRequest, *, report: Callable[[str], None] = lambda step: None) -> str:
    """As `import_files`, in a process with limits.

    :raises ImportRefused: for whatever that process raises, and if it does not come to an end of its own.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "app.models.importing.import_process", json.dumps(request.to_dict())],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None  # it was opened as a pipe
            said: dict[str, Any] = {}
            for line in process.stdout:
                said = json.loads(line)
                if "step" in said:
                    report(said["step"])
        except BaseException:
            process.kill()
            raise
    if "saved" in said and process.returncode == 0:
        saved: str = said["saved"]
        return saved
    if "refused" in said:
        raise ImportRefused(_one_line(said["refused"]), details=said["details"])
    raise ImportRefused(f"{request.model.name} cannot be imported: {_how_it_ended(process.returncode)}")


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGXCPU:
        return f"it takes more than {CPU_SECONDS} s of computing"
    by = signal.Signals(-status).name if status < 0 else f"itself, with status {status}"
    return f"the process that tried it was ended by {by}"


def _one_line(message: str) -> str:
    """Without what would do something to a terminal: the file may have a say in the message."""
    return "".join(character if character.isprintable() else " " for character in message)
