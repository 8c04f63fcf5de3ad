"""Versions on disk: written once, complete or absent, verified when read."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.exceptions import ArtifactInvalid, InvalidInput, VersionExists, VersionNotFound

VERSION_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")
METADATA = "metadata.json"
PREPROCESSING_FILE = "preprocessing.json"
ACTIVE = "active.json"
PREFIX = "model_"

Metadata = dict[str, Any]


class ModelStore:
    """A folder of versions, ``model_<version>/``, and ``active.json`` which names the one to serve.

    A version becomes visible by one rename, after all its files reached the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def versions(self) -> list[str]:
        """Complete versions, newest first by the time they were saved."""
        names = (path.parent.name.removeprefix(PREFIX) for path in self.root.glob(f"{PREFIX}*/{METADATA}"))
        found = [name for name in names if VERSION_PATTERN.fullmatch(name)]
        saved_at = {version: self._saved_at(version) for version in found}
        return sorted(found, key=lambda version: (saved_at[version], version), reverse=True)

    def metadata(self, version: str) -> Metadata:
        """A version's metadata.

        :raises VersionNotFound: if there is no complete version of that name.
        :raises ArtifactInvalid: if its metadata is no JSON object.
        """
        try:
            data = json.loads((self._folder(version) / METADATA).read_bytes())
        except OSError:
            raise VersionNotFound(version) from None
        except ValueError:
            raise ArtifactInvalid(version, f"{METADATA} is not valid JSON") from None
        if not isinstance(data, dict):
            raise ArtifactInvalid(version, f"{METADATA} is not a JSON object")
        return data

    def read(self, version: str, name: str, metadata: Metadata) -> bytes:
        """The bytes of one file, compared with the recorded size and SHA-256 before they are returned.

        :raises ArtifactInvalid: if they differ or are not recorded.
        """
        recorded = metadata.get("files", {}).get(name)
        if recorded is None:
            raise ArtifactInvalid(version, f"{name} is not listed in {METADATA}")
        try:
            content = (self._folder(version) / name).read_bytes()
        except OSError:
            raise ArtifactInvalid(version, f"{name} is missing") from None
        if fingerprint(content) != recorded:
            raise ArtifactInvalid(version, f"{name} does not match its recorded size and SHA-256")
        return content

    def save(self, files: Mapping[str, bytes], metadata: Metadata, *, version: str | None = None) -> str:
        """Write a new version and return its name, by default the UTC time as ``YYYYmmdd_HHMMSS``.

        :raises VersionExists: if ``version`` is taken.
        :raises InvalidInput: if it is not 1 to 64 of ``A-Za-z0-9._-``.
        """
        if version is not None:
            return self._save_as(check_version(version), files, metadata)
        while True:
            # Another process may take the free name first.
            with suppress(VersionExists):
                return self._save_as(self._free_name(datetime.now(UTC)), files, metadata)

    def _save_as(self, name: str, files: Mapping[str, bytes], metadata: Metadata) -> str:
        document = metadata | {
            "version": name,
            "saved_at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "files": {file: fingerprint(content) for file, content in files.items()},
        }
        encoded = json.dumps(document, indent=2, allow_nan=False).encode()
        self.root.mkdir(parents=True, exist_ok=True)
        draft = self.root / f".draft-{secrets.token_hex(8)}"
        draft.mkdir()
        try:
            for file, content in (*files.items(), (METADATA, encoded)):
                _write(draft / file, content)
            _sync(draft)
            self._publish(draft, name)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return name

    def replace_engines(self, version: str, files: Mapping[str, bytes], metadata: Metadata) -> Metadata:
        """Replace the compiled files of a version and its metadata, each atomically, the metadata last.

        A server that reads in between finds a file that does not match its hash and refuses it.
        """
        folder = self._folder(version)
        for name, content in files.items():
            _replace(folder / name, content)
        recorded = metadata["files"] | {name: fingerprint(content) for name, content in files.items()}
        document = metadata | {"files": recorded}
        _replace(folder / METADATA, json.dumps(document, indent=2, allow_nan=False).encode())
        return document

    def active(self) -> str | None:
        """The version that is to serve, or None if none was activated."""
        try:
            version = json.loads((self.root / ACTIVE).read_bytes())["version"]
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return version if isinstance(version, str) and VERSION_PATTERN.fullmatch(version) else None

    def activate(self, version: str) -> None:
        """Make ``version`` the one to serve.

        :raises VersionNotFound: if there is no complete version of that name.
        """
        self.metadata(version)
        activated_at = datetime.now(UTC).isoformat(timespec="seconds")
        _replace(self.root / ACTIVE, json.dumps({"version": version, "activated_at": activated_at}).encode())

    def _publish(self, draft: Path, version: str) -> None:
        try:
            draft.rename(self._folder(version))
        except OSError:
            if self._folder(version).exists():
                raise VersionExists(version) from None
            raise
        _sync(self.root)

    def _folder(self, version: str) -> Path:
        return self.root / f"{PREFIX}{check_version(version)}"

    def _free_name(self, moment: datetime) -> str:
        stamp = moment.strftime("%Y%m%d_%H%M%S")
        taken = {path.name for path in self.root.glob(f"{PREFIX}{stamp}*")}
        names = (stamp, *(f"{stamp}_{number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if f"{PREFIX}{name}" not in taken)

    def _saved_at(self, version: str) -> str:
        with suppress(VersionNotFound, ArtifactInvalid):
            return str(self.metadata(version).get("saved_at", ""))
        return ""


def check_version(version: str) -> str:
    """Return ``version`` if it is a permitted name.

    :raises InvalidInput: otherwise; a name is never joined to a path before this.
    """
    if not VERSION_PATTERN.fullmatch(version) or set(version) == {"."}:
        reason = "must be 1 to 64 characters out of A-Z a-z 0-9 . _ -"
        raise InvalidInput([{"field": "version", "reason": reason}], message="Invalid version name")
    return version


def fingerprint(content: bytes) -> dict[str, Any]:
    """What metadata records of a file: its SHA-256 in hexadecimal and its size in bytes."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    _write(draft, content)
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
