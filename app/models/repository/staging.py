"""Staging and trash: folders that are not versions, hidden by their names, and removed after a kill."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.models.repository import atomic_files, process_files

STAGED = ".draft-"
TRASHED = ".removed-"


@contextmanager
def staging_folder(root: Path) -> Iterator[Path]:
    """A new folder in which to prepare a folder for a rename; removed at the end, or by the next.

    The process holds a lock on it, which the kernel releases at any exit.

    :raises StoreNotWritable: if the folder cannot be made.
    """
    with atomic_files.writing(), atomic_files.locked(root):
        _remove_left_over(root)
        folder = root / f"{STAGED}{secrets.token_hex(8)}"
        atomic_files.make_folder(folder)
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


@atomic_files.writing()
def keep(path: Path, content: bytes) -> Path:
    """Write a file of a `staging_folder` that takes the place of its content in memory, and return its path.

    :raises StoreNotWritable: if the disk is full.
    """
    path.write_bytes(content)
    return path


def move_to_trash(folder: Path) -> Path:
    """Hide a folder, or a link in its place, by a rename; pass the result to `empty_trash`."""
    return folder.rename(folder.with_name(f"{TRASHED}{secrets.token_hex(8)}"))


def empty_trash(trashed: Path) -> None:
    """Remove the result of `move_to_trash`; the next `staging_folder` retries failures."""
    if trashed.is_symlink():
        trashed.unlink(missing_ok=True)
    else:
        shutil.rmtree(trashed, ignore_errors=True)


def _remove_left_over(root: Path) -> None:
    for folder in (*root.glob(f"{STAGED}*"), *root.glob(f"{TRASHED}*")):
        with suppress(OSError):  # removed already, or another user's: harmless
            if not process_files.is_held(folder, flags=os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW):
                shutil.rmtree(folder, ignore_errors=True)
