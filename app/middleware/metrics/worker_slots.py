"""Numbers for worker processes, used again when one dies, so that what is kept per worker stays bounded.

A slot belongs to the process that holds the lock on its file; the kernel gives it back however the
process ends, so neither gunicorn nor granian has to tell of a worker's death.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
STARTED = "started"


def make_directory() -> Path:
    """A fresh directory for one start of the server, in memory where that is possible."""
    memory = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="model-service-", dir=memory))


def wipe(directory: Path) -> None:
    """Forget the numbers of an earlier start, unless processes of one still run, as during an upgrade."""
    directory.mkdir(parents=True, exist_ok=True)
    with _guard(directory):
        if not _held(directory):
            for pattern in ("*.db", "slot_*", STARTED):
                for file in directory.glob(pattern):
                    file.unlink()


def claim(directory: Path) -> tuple[int, int]:
    """Take the lowest slot that no living process holds: its number and the open file that is its lock.

    To be called in the worker, after the fork. The gauges of the slot's last owner are gone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _guard(directory):
        _mark_start(directory)
        for slot in count():
            descriptor = os.open(_file(directory, slot), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _try_lock(descriptor):
                for gauge in directory.glob(f"gauge_live*_{slot}.db"):
                    gauge.unlink()
                return slot, descriptor
            os.close(descriptor)
    raise AssertionError("count() has no end")


def living(directory: Path) -> set[int]:
    """The slots held by processes that live."""
    with _guard(directory):
        return _held(directory)


def started_at(directory: Path) -> float:
    """When the first worker of this start of the server began, in seconds since 1970."""
    with _guard(directory):
        return _mark_start(directory)


def _mark_start(directory: Path) -> float:
    mark = directory / STARTED
    if not mark.exists():
        mark.touch()
    return mark.stat().st_mtime


def _file(directory: Path, slot: int) -> Path:
    return directory / f"slot_{slot}"


def _held(directory: Path) -> set[int]:
    held = set()
    for file in directory.glob("slot_*"):
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        if not _try_lock(descriptor):
            held.add(int(file.name.removeprefix("slot_")))
        os.close(descriptor)
    return held


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _guard(directory: Path) -> Iterator[None]:
    """Looking at a lock takes it for a moment; nobody claims a slot in that moment."""
    descriptor = os.open(directory / "guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
