"""Worker slots: numbers of processes, reused when one dies, so that files per worker stay few.

A slot belongs to the process that holds the lock of its file, so neither gunicorn nor granian has to report
a worker's death.
"""

import os
import tempfile
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

from app.middleware.metrics import snapshot_ring
from app.models.repository import atomic_files, process_files

SHARED_MEMORY = Path("/dev/shm")
STARTED = "started"


def make_directory() -> Path:
    """A fresh directory for one start of the server, in memory where that is possible."""
    memory = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="model-service-", dir=memory))


def wipe(directory: Path) -> None:
    """Remove the numbers of an earlier start, unless processes of one still run, as during an upgrade."""
    directory.mkdir(parents=True, exist_ok=True)
    with _guard(directory):
        if not _held(directory):
            for pattern in ("*.db", "slot_*", STARTED, snapshot_ring.FILE):
                for file in directory.glob(pattern):
                    file.unlink()


def claim(directory: Path) -> tuple[int, int]:
    """Take the lowest slot that no living process holds; returns its number and the descriptor that locks it.

    To be called in the worker, after the fork. Removes the gauges of the slot's last owner.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _guard(directory):
        if not (directory / STARTED).exists():
            (directory / STARTED).touch()
        for slot in count():
            if (descriptor := process_files.claim(directory / f"slot_{slot}")) is not None:
                for gauge in directory.glob(f"gauge_live*_{slot}.db"):
                    gauge.unlink()
                return slot, descriptor
    raise AssertionError("count() has no end")


def living(directory: Path) -> set[int]:
    """The slots held by processes that live."""
    with _guard(directory):
        return _held(directory)


def started_at(directory: Path) -> float:
    """When the first worker of this start of the server claimed its slot, in seconds since 1970."""
    return (directory / STARTED).stat().st_mtime


def _held(directory: Path) -> set[int]:
    files = filter(process_files.is_held, directory.glob("slot_*"))
    return {int(file.name.removeprefix("slot_")) for file in files}


def _guard(directory: Path) -> AbstractContextManager[None]:
    return atomic_files.locked(directory, "guard", mode=0o600)
