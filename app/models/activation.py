"""Which version is to serve: ``active.json``, replaced atomically, with what served before."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.exceptions import NothingToRollBack
from app.models import durable
from app.models.version_names import is_version

ACTIVE = "active.json"
HISTORY = 10


class Activation:
    """The file that names the version to serve. Several processes may change it at the same time."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def current(self) -> str | None:
        """The version that is to serve, or None if none was activated."""
        version = self._read().get("version")
        return version if is_version(version) else None

    def previous(self) -> list[str]:
        """Versions that served before, the latest first."""
        previous = self._read().get("previous", [])
        return [version for version in previous if is_version(version)] if isinstance(previous, list) else []

    def set(self, version: str) -> None:
        """Make ``version`` the one to serve."""
        with durable.locked(self._root):
            current = self.current()
            earlier = [name for name in self.previous() if name != version]
            history = earlier if current in (None, version) else [current, *earlier]
            self._write(version, history)

    def roll_back(
        self, exists: Callable[[str], bool], *, accept: Callable[[str], object] = lambda version: None
    ) -> str:
        """Go back to the version that served before this one, and return its name.

        :param exists: tells whether a version is still in the store.
        :param accept: called with the version before anything changes; what it raises leaves all as it is.
        :raises NothingToRollBack: if there is none left.
        """
        with durable.locked(self._root):
            candidates = [version for version in self.previous() if exists(version)]
            if not candidates:
                raise NothingToRollBack
            target, *rest = candidates
            accept(target)
            self._write(target, rest)
            return target

    def _write(self, version: str, previous: list[Any]) -> None:
        document = {
            "version": version,
            "activated_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "previous": previous[:HISTORY],
        }
        durable.replace(self._root / ACTIVE, json.dumps(document).encode())

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads((self._root / ACTIVE).read_bytes())
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}
