"""Files that are whole or absent, whatever happens while they are written."""

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


def write(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk.

    :raises FileExistsError: if there is one already.
    """
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write a file in place of another at once: a reader sees the old one or the new one."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        write(draft, content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file.

    :raises OSError: if it is a symbolic link or no file; a link could point anywhere, and a pipe has no end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path.name} is no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold a folder's lock: of the processes that change something by reading it first, one at a time.

    The kernel gives it back however the process ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
