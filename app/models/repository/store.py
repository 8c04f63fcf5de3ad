"""The store: versions on disk, written once, complete or absent, verified on reading."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import orjson

from app.exceptions import ArtifactInvalid, StoreUnreadable, VersionExists, VersionInUse, VersionNotFound
from app.models.repository import atomic_files, staging, version_files
from app.models.repository.activation import Activation
from app.models.repository.traffic_split import TrafficSplit, TrafficSplitFile
from app.models.repository.version_files import METADATA, PREFIX, SIGNATURE, Check, Metadata, is_complete
from app.models.repository.version_names import Accept, check_version, free_name


class ModelStore:
    """A folder of versions, ``model_<version>/``, and ``active.json``, which names the one to serve.

    A version becomes visible by one rename, after all of its files reached the disk. Every change raises
    StoreNotWritable if the file system rejects it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.activation = Activation(root)
        self.traffic_split = TrafficSplitFile(root)

    def folder(self, version: str) -> Path:
        """The folder of a version, whether it exists or not.

        :raises InvalidInput: if the name is not permitted.
        """
        return self.root / f"{PREFIX}{check_version(version)}"

    def versions(self) -> list[str]:
        """Complete and unreadable versions, the most recently saved first.

        :raises StoreUnreadable: if the store itself cannot be read.
        """
        found = version_files.version_names(self.root)
        return sorted(found, key=lambda version: (self._saved_at(version), version), reverse=True)

    def _saved_at(self, version: str) -> str:
        with suppress(VersionNotFound, ArtifactInvalid):
            return str(self.metadata(version).get("saved_at", ""))
        return ""

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
        :raises ArtifactInvalid: if the file cannot be read.
        """
        most = version_files.LONGEST_METADATA
        content = version_files.read_if_there(self.folder(version), METADATA, most=most)
        if content is None:
            raise VersionNotFound(version)
        return content

    def signature(self, version: str) -> bytes | None:
        """The bytes of a version's ``signature.json``, or None if it is not signed.

        :raises ArtifactInvalid: if the file cannot be read.
        """
        most = atomic_files.LONGEST_DOCUMENT
        return version_files.read_if_there(self.folder(version), SIGNATURE, most=most)

    def read_file(self, version: str, name: str, *, most: int) -> bytes:
        """The bytes of a file of a version, unchecked.

        :param most: the maximum number of bytes.
        :raises OSError: if there is no such file, it is longer, or it or the version's folder is a symbolic
            link.
        """
        return version_files.read_file(self.folder(version), name, most=most)

    def read(self, version: str, name: str, metadata: Metadata) -> bytes:
        """The bytes of one file, compared with the recorded size and SHA-256.

        :raises ArtifactInvalid: if they differ or are not recorded.
        """
        return version_files.read_verified(self.folder(version), name, metadata)

    def size(self, version: str) -> int:
        """Total bytes of a version's files.

        :raises StoreUnreadable: if its folder cannot be read.
        """
        try:
            return sum(path.lstat().st_size for path in self.folder(version).iterdir())
        except OSError as error:
            raise StoreUnreadable(f"{PREFIX}{version}", atomic_files.reason_of(error)) from None

    @atomic_files.writing()
    def check_free(self, version: str) -> None:
        """Check a name before the work of making the version; `save` checks it again.

        :raises VersionExists: if ``version`` is taken.
        :raises InvalidInput: if it is not 1 to 64 of ``A-Za-z0-9._-``.
        """
        if self.folder(version).exists():
            raise VersionExists(version)

    def save(
        self,
        files: version_files.Files,
        metadata: Metadata,
        *,
        version: str | None = None,
        check: Check = lambda staging, name: None,
    ) -> str:
        """Write a new version and return its name, by default the UTC time as ``YYYYmmdd_HHMMSS``.

        :param check: called before the version is visible, with its name and a folder that holds it as a
            store does; an error in it prevents saving.
        :raises VersionExists: if ``version`` is taken.
        :raises InvalidInput: if it is not 1 to 64 of ``A-Za-z0-9._-``.
        """
        if version is not None:
            return version_files.write_version(self.root, check_version(version), files, metadata, check)
        while True:
            name = free_name(datetime.now(UTC), lambda name: self.folder(name).exists())
            with suppress(VersionExists):  # another process may take the free name first
                return version_files.write_version(self.root, name, files, metadata, check)

    def replace_engines(self, version: str, files: version_files.Files, metadata: Metadata) -> Metadata:
        """Replace the compiled files of a version, then its metadata, which is returned."""
        return version_files.replace_engines(self.folder(version), files, metadata)

    @atomic_files.writing()
    def sign(self, version: str, signature: bytes) -> None:
        """Write or replace a version's signature."""
        self.raw_metadata(version)
        atomic_files.replace(self.folder(version) / SIGNATURE, signature)

    @atomic_files.writing()
    def remove(self, version: str) -> None:
        """Remove a version for good; it is hidden at once.

        :raises VersionNotFound: if there is no such version.
        :raises VersionInUse: if it is the active one or part of the traffic split.
        :raises StoreUnreadable: if its use is unknown.
        """
        if not self.root.exists():
            raise VersionNotFound(version)
        with atomic_files.locked(self.root):
            if not is_complete(self.folder(version)):
                raise VersionNotFound(version)
            if version == self.active():
                raise VersionInUse(version, use="it is the active one")
            if self.traffic_split.uses(version):
                raise VersionInUse(version, use="callers are routed to it")
            trashed = staging.move_to_trash(self.folder(version))
        staging.empty_trash(trashed)

    def active(self) -> str | None:
        """The version to serve, or None if no version was activated.

        :raises StoreUnreadable: if ``active.json`` cannot be read.
        """
        return self.activation.current()

    def activate(self, version: str) -> None:
        """Make ``version`` the one to serve.

        :raises VersionNotFound: if there is no complete version of that name.
        :raises StoreUnreadable, StoreNotWritable: if ``active.json`` cannot be read or replaced.
        """
        self.activation.set(version, accept=self.raw_metadata)

    def route(self, split: TrafficSplit | None) -> None:
        """Split traffic by ``split``, or send all of it to the active version.

        :raises VersionNotFound: if there is no such version.
        :raises StoreNotWritable: if ``routing.json`` cannot be replaced.
        """
        self.traffic_split.set(split, accept=self.raw_metadata)

    def roll_back(self, *, accept: Accept = lambda version: None) -> str:
        """Activate the previously active version, and return its name.

        :raises NothingToRollBack: if there is no earlier version.
        """
        return self.activation.roll_back(lambda version: is_complete(self.folder(version)), accept=accept)
