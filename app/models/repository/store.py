"""Versions on disk: written once, complete or absent, verified when read."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from app.exceptions import ArtifactInvalid, StoreUnreadable, VersionExists, VersionInUse, VersionNotFound
from app.models.repository import atomic_files, staging
from app.models.repository.activation import Activation
from app.models.repository.traffic_split import TrafficSplit, TrafficSplitFile
from app.models.repository.version_names import check_version, free_name, is_version

METADATA = "metadata.json"
SIGNATURE = "signature.json"
PREPROCESSING_FILE = "preprocessing.json"
PREFIX = "model_"
LONGEST_METADATA = 64 * 1024**2  # bytes: categories and golden rows of very many columns
WITHOUT_ENGINES = {"engine": "sklearn", "certificates": {}}

Metadata = dict[str, Any]
Check = Callable[[Path, str], None]


class ModelStore:
    """A folder of versions, ``model_<version>/``, and ``active.json`` which names the one to serve.

    A version becomes visible by one rename, after all its files reached the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.activation = Activation(root)
        self.traffic_split = TrafficSplitFile(root)

    def versions(self) -> list[str]:
        """Complete versions and those of which that cannot be told, newest first by the time they were saved.

        :raises StoreUnreadable: if the store itself cannot be read.
        """
        found = version_names(self.root)
        saved_at = {version: self._saved_at(version) for version in found}
        return sorted(found, key=lambda version: (saved_at[version], version), reverse=True)

    def metadata(self, version: str) -> Metadata:
        """A version's metadata.

        :raises VersionNotFound: if there is no complete version of that name.
        :raises ArtifactInvalid: if its metadata is no JSON object.
        """
        try:
            data = orjson.loads(self.raw_metadata(version))
        except ValueError:
            raise ArtifactInvalid(version, f"{METADATA} is not valid JSON") from None
        if not isinstance(data, dict):
            raise ArtifactInvalid(version, f"{METADATA} is not a JSON object")
        return data

    def raw_metadata(self, version: str) -> bytes:
        """The bytes of a version's ``metadata.json``.

        :raises VersionNotFound: if there is no complete version of that name.
        :raises ArtifactInvalid: if it is there and cannot be read.
        """
        if (content := self._read_if_there(version, METADATA, most=LONGEST_METADATA)) is None:
            raise VersionNotFound(version)
        return content

    def signature(self, version: str) -> bytes | None:
        """The bytes of a version's ``signature.json``, or None if it is not signed.

        :raises ArtifactInvalid: if it is there and cannot be read.
        """
        return self._read_if_there(version, SIGNATURE, most=atomic_files.LONGEST_DOCUMENT)

    def _read_if_there(self, version: str, name: str, *, most: int) -> bytes | None:
        try:
            return self.read_file(version, name, most=most)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ArtifactInvalid(
                version, f"{name} cannot be read: {atomic_files.reason_of(error)}"
            ) from None

    def read_file(self, version: str, name: str, *, most: int | None = None) -> bytes:
        """The bytes of a file of a version, unchecked.

        :param most: bytes that it may have.
        :raises OSError: if there is none, or it or the version's folder is a symbolic link.
        """
        folder = self.folder(version)
        if folder.is_symlink():
            raise OSError(f"{folder.name} is a symbolic link")
        return atomic_files.read_regular(folder / name, most=most)

    def size(self, version: str) -> int:
        """Bytes of a version's files together.

        :raises StoreUnreadable: if its folder cannot be read.
        """
        folder = self.folder(version)
        try:
            return sum(path.lstat().st_size for path in folder.iterdir())
        except OSError as error:
            raise StoreUnreadable(folder.name, atomic_files.reason_of(error)) from None

    def read(self, version: str, name: str, metadata: Metadata) -> bytes:
        """The bytes of one file, compared with the recorded size and SHA-256 before they are returned.

        :raises ArtifactInvalid: if they differ or are not recorded.
        """
        recorded = metadata.get("files", {}).get(name)
        if recorded is None:
            raise ArtifactInvalid(version, f"{name} is not listed in {METADATA}")
        try:
            content = self.read_file(version, name)
        except OSError:
            raise ArtifactInvalid(version, f"{name} is missing") from None
        if fingerprint(content) != recorded:
            raise ArtifactInvalid(version, f"{name} does not match its recorded size and SHA-256")
        return content

    @atomic_files.writing()
    def check_free(self, version: str) -> None:
        """Refuse a name before the work of making the version; `save` checks it again.

        :raises VersionExists: if ``version`` is taken.
        :raises InvalidInput: if it is not 1 to 64 of ``A-Za-z0-9._-``.
        """
        if self.folder(version).exists():
            raise VersionExists(version)

    def save(
        self,
        files: Mapping[str, bytes],
        metadata: Metadata,
        *,
        version: str | None = None,
        check: Check = lambda staging, name: None,
    ) -> str:
        """Write a new version and return its name, by default the UTC time as ``YYYYmmdd_HHMMSS``.

        :param check: called before anybody can see the version, with a folder that holds it as a store would,
            and with its name; if it raises, nothing is saved.
        :raises VersionExists: if ``version`` is taken.
        :raises InvalidInput: if it is not 1 to 64 of ``A-Za-z0-9._-``.
        :raises StoreNotWritable: if the file system has something against it.
        """
        if version is not None:
            return self._save_as(check_version(version), files, metadata, check)
        while True:
            # Another process may take the free name first.
            with suppress(VersionExists):
                return self._save_as(free_name(datetime.now(UTC), self._taken), files, metadata, check)

    @atomic_files.writing()
    def _save_as(self, name: str, files: Mapping[str, bytes], metadata: Metadata, check: Check) -> str:
        document = metadata | {
            "version": name,
            "saved_at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "files": {file: fingerprint(content) for file, content in files.items()},
        }
        encoded = json.dumps(document, indent=2, allow_nan=False).encode()
        with staging.draft(self.root) as draft:
            folder = draft / f"{PREFIX}{name}"
            atomic_files.make_folder(folder)
            for file, content in (*files.items(), (METADATA, encoded)):
                atomic_files.write(folder / file, content)
            atomic_files.sync(folder)
            check(draft, name)
            self._publish(folder, name)
        return name

    @atomic_files.writing()
    def replace_engines(self, version: str, files: Mapping[str, bytes], metadata: Metadata) -> Metadata:
        """Replace the compiled files of a version, then its metadata.

        While the files change, the metadata knows of none of them: whoever is killed then leaves a version
        that serves on scikit-learn.

        :raises StoreNotWritable: if the file system has something against it.
        """
        kept = {name: found for name, found in metadata["files"].items() if name not in files}
        self._replace_metadata(version, metadata | WITHOUT_ENGINES | {"files": kept})
        for name, content in files.items():
            atomic_files.replace(self.folder(version) / name, content)
        recorded = {name: fingerprint(content) for name, content in files.items()}
        document = metadata | {"files": kept | recorded}
        self._replace_metadata(version, document)
        return document

    def _replace_metadata(self, version: str, metadata: Metadata) -> None:
        encoded = json.dumps(metadata, indent=2, allow_nan=False).encode()
        atomic_files.replace(self.folder(version) / METADATA, encoded)

    @atomic_files.writing()
    def sign(self, version: str, signature: bytes) -> None:
        """Put a signature beside the metadata, in place of the one that may be there.

        :raises StoreNotWritable: if the file system has something against it.
        """
        self.raw_metadata(version)
        atomic_files.replace(self.folder(version) / SIGNATURE, signature)

    def active(self) -> str | None:
        """The version that is to serve, or None if none was activated.

        :raises StoreUnreadable: if what says so cannot be read.
        """
        return self.activation.current()

    def activate(self, version: str) -> None:
        """Make ``version`` the one to serve.

        :raises VersionNotFound: if there is no complete version of that name.
        :raises StoreUnreadable, StoreNotWritable: if ``active.json`` cannot be read or replaced.
        """
        self.activation.set(version, accept=self.raw_metadata)

    def route(self, routing: TrafficSplit | None) -> None:
        """Send callers to the versions of ``routing``, or all to the active one.

        :raises VersionNotFound: if one of them is not there.
        :raises StoreNotWritable: if ``routing.json`` cannot be replaced.
        """
        self.traffic_split.set(routing, accept=self.raw_metadata)

    def roll_back(self, *, accept: Callable[[str], object] = lambda version: None) -> str:
        """Make the version that served before the active one serve again, and return its name.

        :param accept: called with its name first; if it raises, the active version stays what it is.
        :raises NothingToRollBack: if there is none left.
        """
        return self.activation.roll_back(lambda version: _is_complete(self.folder(version)), accept=accept)

    @atomic_files.writing()
    def remove(self, version: str) -> None:
        """Remove a version for good; it is out of sight at once.

        :raises VersionNotFound: if there is no such version.
        :raises VersionInUse: if it is the active one or part of the routing.
        :raises StoreUnreadable: if that cannot be told.
        :raises StoreNotWritable: if the file system has something against it.
        """
        if not self.root.exists():
            raise VersionNotFound(version)
        with atomic_files.locked(self.root):
            if not _is_complete(self.folder(version)):
                raise VersionNotFound(version)
            if version == self.active():
                raise VersionInUse(version, use="it is the active one")
            if self.traffic_split.uses(version):
                raise VersionInUse(version, use="callers are routed to it")
            grave = staging.move_to_trash(self.folder(version))
        staging.empty(grave)

    def _publish(self, folder: Path, version: str) -> None:
        try:
            folder.rename(self.folder(version))
        except OSError:
            if self.folder(version).exists():
                raise VersionExists(version) from None
            raise
        atomic_files.sync(self.root)

    def folder(self, version: str) -> Path:
        """Where a version's files are, or would be.

        :raises InvalidInput: if the name is not permitted.
        """
        return self.root / f"{PREFIX}{check_version(version)}"

    def _taken(self, name: str) -> bool:
        return self.folder(name).exists()

    def _saved_at(self, version: str) -> str:
        with suppress(VersionNotFound, ArtifactInvalid):
            return str(self.metadata(version).get("saved_at", ""))
        return ""


def version_names(root: Path) -> list[str]:
    """Names of the versions in a folder, in no order; those that cannot be read are among them.

    :raises StoreUnreadable: if the folder cannot be read; one that is not there has none.
    """
    try:
        folders = [path for path in root.iterdir() if path.name.startswith(PREFIX)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreUnreadable(root.name, atomic_files.reason_of(error)) from None
    names = (folder.name.removeprefix(PREFIX) for folder in folders if _is_complete(folder))
    return [name for name in names if is_version(name)]


def _is_complete(folder: Path) -> bool:
    try:
        (folder / METADATA).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # it may not be looked at, which is to be said where it is read
        return True
    return True


def fingerprint(content: bytes) -> dict[str, Any]:
    """What metadata records of a file: its SHA-256 in hexadecimal and its size in bytes."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
