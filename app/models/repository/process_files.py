"""Living processes: each holds the lock of a file, which the kernel gives back however the process ends.

Looking at a lock takes it for a moment: callers hold the lock of the folder, see `atomic_files`. The package
gunicorn_worker imports nothing of the app, so its counts of connections stay in shared memory of its own.
"""

import ctypes
import fcntl
import os
import signal
from pathlib import Path

from app.models.repository import atomic_files

SET_PARENT_DEATH_SIGNAL = 1  # of prctl(2)


def claim(path: Path, *, mode: int = 0o600) -> int | None:
    """Make or open a file and lock it for as long as its descriptor, which is returned, stays open.

    :returns: None if a living process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    if _try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def is_held(path: Path, *, flags: int = os.O_RDWR) -> bool:
    """Whether a living process holds the file, or the folder with the ``flags`` of one.

    :raises OSError: if it cannot be opened.
    """
    with atomic_files.opened(path, flags) as descriptor:
        return not _try_lock(descriptor)


def end_with(parent: int) -> None:
    """Let Linux kill this process when the one that started it ends, in whatever way.

    :param parent: the id of that process, which may have ended already.
    """
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
