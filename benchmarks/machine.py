"""Context of the figures: machine, time and versions."""

import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil


def facts() -> dict[str, Any]:
    """Processor, cores, memory in GiB, system and Python."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    text = described.read_text() if described.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def wrk_version() -> str | None:
    """Version of wrk as it prints it, or None if it is not installed."""
    if shutil.which("wrk") is None:
        return None
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True)
    return " ".join((said.stdout or said.stderr).split()[:2])
