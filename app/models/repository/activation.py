"""The active version: ``active.json``, replaced atomically, with the earlier ones."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.exceptions import NothingToRollBack, StoreUnreadable
from app.models.repository import atomic_files
from app.models.repository.version_names import Accept, is_version

ACTIVE = "active.json"
HISTORY = 10


class Activation:
    """The file that names the active version. Several processes may change it concurrently."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def current(self) -> str | None:
        """The active version, or None if no version was activated.

        :raises StoreUnreadable: if the file cannot be read, or names no version.
        """
        return self._read()[0]

    def previous(self) -> list[str]:
        """Earlier active versions, the latest first.

        :raises StoreUnreadable: as `current` does.
        """
        return self._read()[1]

    @atomic_files.writing()
    def set(self, version: str, *, accept: Accept = lambda version: None) -> None:
        """Make ``version`` the active one.

        :raises StoreUnreadable: as `current` does.
        :raises StoreNotWritable: if the file cannot be replaced.
        """
        with atomic_files.locked(self._root):
            accept(version)
            current, previous = self._read()
            earlier = [name for name in previous if name != version]
            self._write(version, earlier if current in (None, version) else [current, *earlier])

    @atomic_files.writing()
    def roll_back(self, exists: Callable[[str], bool], *, accept: Accept = lambda version: None) -> str:
        """Activate the latest earlier version, and return its name.

        :param exists: whether a version is still in the store.
        :raises NothingToRollBack: if there is no earlier version.
        :raises StoreUnreadable, StoreNotWritable: as `set` does.
        """
        with atomic_files.locked(self._root):
            earlier = [version for version in self.previous() if exists(version)]
            if not earlier:
                raise NothingToRollBack
            target, *rest = earlier
            accept(target)
            self._write(target, rest)
            return target

    def _write(self, version: str, previous: list[Any]) -> None:
        document = {
            "version": version,
            "activated_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": previous[:HISTORY],
        }
        atomic_files.replace(self._root / ACTIVE, json.dumps(document).encode())

    def _read(self) -> tuple[str | None, list[str]]:
        document = atomic_files.read_object(self._root / ACTIVE)
        if document is None:
            return None, []
        version, previous = document.get("version"), document.get("previous", [])
        if not isinstance(previous, list) or not all(map(is_version, [version, *previous])):
            raise StoreUnreadable(ACTIVE, "it does not name versions")
        return version, previous
