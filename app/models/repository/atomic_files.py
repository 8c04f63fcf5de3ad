"""Atomic file operations: a file is complete or absent, and a reader sees the old or the new one."""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from app.exceptions import StoreNotWritable, StoreUnreadable

LOCK = ".lock"
LONGEST_DOCUMENT = 1024**2  # bytes of active.json, routing.json or signature.json
FORBIDDEN = frozenset((errno.EROFS, errno.EACCES, errno.EPERM))


class TooLong(OSError):
    """A file has more bytes than may be read."""


def write(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a new file and wait until it is on the disk.

    :param mode: of the file; by default as the folder's, see `share`.
    :raises FileExistsError: if the file exists.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o666 if mode is None else mode), "wb") as file:
        if mode is None:
            share(file.fileno(), path.parent)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder.

    :raises FileExistsError: if the folder exists.
    """
    path.mkdir()
    with opened(path, os.O_RDONLY) as descriptor:
        share(descriptor, path.parent)


def share(descriptor: int, folder: Path) -> None:
    """Give a new file the permissions of its ``folder``, whatever the umask.

    Files made by root, in a command, get the folder's owner, which the service runs as.
    """
    found = folder.stat()
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    most, least = (0o775, stat.S_IRWXU) if is_folder else (0o664, stat.S_IRUSR | stat.S_IWUSR)
    with suppress(PermissionError):  # a file system without owners and modes
        if os.geteuid() == 0:
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & most | least)


def replace(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Replace a file atomically; see `write`."""
    staged = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        write(staged, content, mode=mode)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync(path.parent)


def read_regular(path: Path, *, most: int | None = None) -> bytes:
    """The bytes of a regular file.

    :param most: the maximum number of bytes.
    :raises OSError: for a symbolic link, which could point anywhere, a pipe or device, or a file too long.
    """
    with opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no regular file")
        if most is not None and found.st_size > most:
            raise TooLong(f"it has more than {most} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read() if most is None else file.read(most + 1)
    if most is not None and len(content) > most:  # it has grown in the meantime
        raise TooLong(f"it has more than {most} bytes")
    return content


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None if there is no file.

    :raises StoreUnreadable: if the file cannot be read, or holds something else.
    """
    try:
        document = orjson.loads(read_regular(path, most=LONGEST_DOCUMENT))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreUnreadable(path.name, reason_of(error)) from None
    if not isinstance(document, dict):
        raise StoreUnreadable(path.name, "it is not a JSON object")
    return document


def reason_of(error: Exception) -> str:
    """Why a file cannot be read or written, without its path."""
    if not isinstance(error, OSError):
        return "it is not valid JSON"
    return "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)


def sync(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk."""
    with opened(folder, os.O_RDONLY) as descriptor:
        os.fsync(descriptor)


@contextmanager
def opened(path: Path, flags: int, mode: int = 0o666) -> Iterator[int]:
    """The descriptor of a file or folder, closed at the end and in programs that the process starts."""
    descriptor = os.open(path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def writing() -> Iterator[None]:
    """Wrap a change of the store.

    :raises StoreNotWritable: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        named = f"{Path(error.filename).name}: " if isinstance(error.filename, str) else ""
        reason = f"{named}{reason_of(error)}"
        raise StoreNotWritable(reason, permitted=error.errno not in FORBIDDEN) from error


@contextmanager
def locked(folder: Path, name: str = LOCK, *, mode: int | None = None) -> Iterator[None]:
    """Hold a folder's lock, which serialises read-modify-write between processes.

    The kernel releases the lock at any exit of the process. ``mode`` is that of the lock's file; see `write`.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            make_folder(folder)
    path = folder / name
    is_new = not os.path.lexists(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    with opened(path, flags, 0o666 if mode is None else mode) as descriptor:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", name)
        if is_new and mode is None:
            share(descriptor, folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
