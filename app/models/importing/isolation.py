"""Isolation of an import: a process of its own, with limits, for untrusted files."""

import json
import os
import signal
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from app.models.certification.progress import Report, silent
from app.models.importing.import_process import CPU_SECONDS
from app.models.importing.request import ImportRequest
from app.models.untrusted import ImportRefused

ROOT = Path(__file__).resolve().parents[3]


def import_apart(request: ImportRequest, *, report: Report = silent) -> str:
    """Run `import_files` in a process with limits.

    :raises ImportRefused: for any error of that process, and if it is killed.
    """
    arguments = [json.dumps(request.to_dict()), str(os.getpid())]
    command = [sys.executable, "-m", "app.models.importing.import_process", *arguments]
    with Popen(command, cwd=ROOT, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None  # Popen opened a pipe
            reply: dict[str, Any] = {}
            for line in process.stdout:
                reply = json.loads(line)
                if "step" in reply:
                    report(reply["step"], reply["share"])
        except BaseException:
            process.kill()
            raise
    if "saved" in reply and process.returncode == 0:
        return str(reply["saved"])
    if "refused" in reply:
        # An untrusted file may have put control characters into the message.
        message = "".join(each if each.isprintable() else " " for each in reply["refused"])
        raise ImportRefused(message, details=reply.get("details", {}))
    raise ImportRefused(f"{request.model.name} cannot be imported: {_cause_of_end(process.returncode)}")


def _cause_of_end(status: int) -> str:
    if status == -signal.SIGXCPU:
        return f"it takes more than {CPU_SECONDS} s of computing"
    by = signal.Signals(-status).name if status < 0 else f"itself, with status {status}"
    return f"the process that tried it was ended by {by}"
