"""The files of a version: their names, how they are read, and how they become visible."""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.exceptions import ArtifactInvalid, StoreUnreadable, VersionExists
from app.models.repository import atomic_files, staging
from app.models.repository.version_names import is_version

METADATA = "metadata.json"
SIGNATURE = "signature.json"
PREPROCESSING_FILE = "preprocessing.json"
EXPLANATION_FILE = "explanation.npz"  # of linear models, and of exported trees
EXPLANATION = "explanation"  # in the metadata
PREFIX = "model_"
LONGEST_METADATA = 64 * 1024**2  # bytes: categories and golden rows of very many columns
LARGEST_FILE = 8 * 1024**3  # bytes; metadata that claims more is wrong
WITHOUT_ENGINES = {"engine": "sklearn", "certificates": {}}

Metadata = dict[str, Any]
Files = Mapping[str, bytes | Path]  # by name, the content, or a file from which it is copied
Check = Callable[[Path, str], None]


def fingerprint(content: bytes) -> dict[str, Any]:
    """The metadata of a file: its SHA-256 in hexadecimal and its size in bytes."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def recorded_size(recorded: Any) -> int | None:
    """The size in bytes that metadata records of a file, or None if that is no possible one."""
    size = recorded.get("size") if isinstance(recorded, dict) else None
    return size if type(size) is int and 0 <= size <= LARGEST_FILE else None


def version_names(root: Path) -> list[str]:
    """Names of the versions in a folder, unreadable ones included, in no order; none without a folder.

    :raises StoreUnreadable: if the folder cannot be read.
    """
    try:
        folders = [path for path in root.iterdir() if path.name.startswith(PREFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnreadable(root.name, atomic_files.reason_of(error)) from None
    names = (folder.name.removeprefix(PREFIX) for folder in folders if is_complete(folder))
    return [name for name in names if is_version(name)]


def is_complete(folder: Path) -> bool:
    """True if the folder has metadata, which is written last."""
    try:
        (folder / METADATA).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # no permission: reading the version will say so
        return True
    return True


def read_file(folder: Path, name: str, *, most: int) -> bytes:
    """The bytes of a file, unchecked.

    :param most: the maximum number of bytes.
    :raises OSError: if there is no such file, or the file or the folder is a symbolic link.
    """
    if folder.is_symlink():
        raise OSError(f"{folder.name} is a symbolic link")
    return atomic_files.read_regular(folder / name, most=most)


def read_if_there(folder: Path, name: str, *, most: int) -> bytes | None:
    """The bytes of a file, or None if there is no such file.

    :raises ArtifactInvalid: if the file cannot be read.
    """
    try:
        return read_file(folder, name, most=most)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = f"{name} cannot be read: {atomic_files.reason_of(error)}"
        raise ArtifactInvalid(folder.name.removeprefix(PREFIX), reason) from None


def read_verified(folder: Path, name: str, metadata: Metadata) -> bytes:
    """The bytes of a file, compared with the recorded size and SHA-256; see `ModelStore.read`."""
    version = folder.name.removeprefix(PREFIX)
    recorded = metadata.get("files", {}).get(name)
    if recorded is None:
        raise ArtifactInvalid(version, f"{name} is not listed in {METADATA}")
    if (size := recorded_size(recorded)) is None:
        raise ArtifactInvalid(version, f"{name} has no usable size in {METADATA}")
    try:
        content = read_file(folder, name, most=size)
    except atomic_files.TooLong:
        raise ArtifactInvalid(version, f"{name} does not match its recorded size and SHA-256") from None
    except OSError:
        raise ArtifactInvalid(version, f"{name} is missing") from None
    if fingerprint(content) != recorded:
        raise ArtifactInvalid(version, f"{name} does not match its recorded size and SHA-256")
    return content


@atomic_files.writing()
def write_version(root: Path, name: str, files: Files, metadata: Metadata, check: Check) -> str:
    """Write a version into a staging folder, check it there, and make it visible by one rename."""
    saved_at = datetime.now(UTC).isoformat(timespec="microseconds")
    with staging.staging_folder(root) as staged:
        folder = staged / f"{PREFIX}{name}"
        atomic_files.make_folder(folder)
        recorded = {file: _written(folder / file, content) for file, content in files.items()}
        document = metadata | {"version": name, "saved_at": saved_at, "files": recorded}
        atomic_files.write(folder / METADATA, _encoded(document))
        atomic_files.sync(folder)
        check(staged, name)
        target = root / folder.name
        try:
            folder.rename(target)
        except OSError:
            if target.exists():
                raise VersionExists(name) from None
            raise
        atomic_files.sync(root)
    return name


@atomic_files.writing()
def replace_engines(folder: Path, files: Files, metadata: Metadata) -> Metadata:
    """Replace the compiled files of a version, then its metadata, which is returned.

    While the files change, the metadata lists none of them: a killed process leaves a version that serves on
    scikit-learn.
    """
    kept = {name: found for name, found in metadata["files"].items() if name not in files}
    atomic_files.replace(folder / METADATA, _encoded(metadata | WITHOUT_ENGINES | {"files": kept}))
    for name, content in files.items():
        kept[name] = _written(folder / name, content, write=atomic_files.replace)
    document = metadata | {"files": kept}
    atomic_files.replace(folder / METADATA, _encoded(document))
    return document


def _written(
    path: Path, content: bytes | Path, write: Callable[[Path, bytes], None] = atomic_files.write
) -> dict[str, Any]:
    """Write a file and return its fingerprint; one that is copied is in memory only here."""
    found = content.read_bytes() if isinstance(content, Path) else content
    write(path, found)
    return fingerprint(found)


def _encoded(metadata: Metadata) -> bytes:
    return json.dumps(metadata, indent=2, allow_nan=False).encode()
