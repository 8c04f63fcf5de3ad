"""Folders that are no versions yet, or no longer: out of sight by their names, and tidied up after a kill."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.models.repository import atomic_files

DRAFT = ".draft-"
GRAVE = ".removed-"


@contextmanager
def draft(root: Path) -> Iterator[Path]:
    """A new folder to fill a folder in, which is then renamed; removed in the end, or after a kill by the
    next.

    Whoever fills it holds a lock on it, which the kernel gives back however the process ends.
    """
    with atomic_files.locked(root):
        _tidy(root)
        folder = root / f"{DRAFT}{secrets.token_hex(8)}"
        atomic_files.make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def move_to_trash(folder: Path) -> Path:
    """Take a folder, or a link in its place, out of sight at once; the caller empties what is returned."""
    return folder.rename(folder.with_name(f"{GRAVE}{secrets.token_hex(8)}"))


def empty(grave: Path) -> None:
    """Remove what `move_to_trash` returned; what fails is left to the next who tidies up."""
    if grave.is_symlink():
        grave.unlink(missing_ok=True)
    else:
        shutil.rmtree(grave, ignore_errors=True)


def _tidy(root: Path) -> None:
    for folder in (*root.glob(f"{DRAFT}*"), *root.glob(f"{GRAVE}*")):
        with suppress(OSError):  # gone already, or somebody else's: it is in nobody's way
            if not _is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
