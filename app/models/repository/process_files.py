"""Which processes live: each holds the lock of a file, which the kernel gives back however the process ends.

Looking at a lock takes it for a moment: callers hold the lock of the folder, see `atomic_files`. The package
gunicorn_worker imports nothing of the app, so its counts of connections stay in shared memory of its own.
"""

import fcntl
import os
from pathlib import Path


def claim(path: Path, *, mode: int = 0o600) -> int | None:
    """Make or open a file and lock it for as long as its descriptor, which is returned, stays open.

    :returns: None if a living process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    if _try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Whether a living process holds the file.

    :raises OSError: if it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
