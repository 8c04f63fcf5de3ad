"""The traffic split among versions, and its file ``routing.json``."""

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from app.exceptions import InvalidInput, StoreUnreadable
from app.models.repository import atomic_files
from app.models.repository.version_names import Accept, is_version

ROUTING = "routing.json"
MODES = ("canary", "shadow", "ab")
OFF = "off"
POINTS = 10_000  # the resolution of a share is a hundredth of a percent


@dataclass(frozen=True)
class TrafficSplit:
    """Shares of clients by version; the other clients get the champion, the active version.

    :param shares: percent of clients by version, ``canary`` and ``ab``; for ``shadow`` the challenger.
    :param id: distinguishes this split from an equal earlier one.
    """

    mode: str
    shares: Mapping[str, float]
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def version_for(self, client: str) -> str | None:
        """The version of a client, always the same; None for the champion.

        A growing share keeps its clients: a hash of client and versions orders them.
        """
        key = f"{','.join(self.shares)}\n{client}".encode(errors="replace")
        point = int.from_bytes(blake2b(key, digest_size=8).digest()) % POINTS
        upto = 0.0
        for version, percent in self.shares.items():
            upto += percent * POINTS / 100
            if point < upto:
                return version
        return None

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the API and of the file."""
        if self.mode == "ab":
            return {"mode": self.mode, "shares": dict(self.shares), "id": self.id}
        ((challenger, percent),) = self.shares.items()
        found = {"mode": self.mode, "challenger": challenger, "id": self.id}
        return found | ({"percent": percent} if self.mode == "canary" else {})


def parse(document: Mapping[str, Any]) -> TrafficSplit | None:
    """The traffic split of a document, or None for ``off``.

    :raises InvalidInput: naming the wrong field.
    """
    mode = document.get("mode")
    if mode == OFF:
        return None
    if mode not in MODES:
        raise _wrong("mode", f"must be one of {', '.join((*MODES, OFF))}")
    if mode == "ab":
        shares = _shares(document.get("shares"))
    else:
        if not is_version(challenger := document.get("challenger")):
            raise _wrong("challenger", "must be the name of a version")
        shares = {challenger: _percent(document.get("percent"), "percent") if mode == "canary" else 0.0}
    known = document.get("id")
    return TrafficSplit(mode, shares, known) if isinstance(known, str) else TrafficSplit(mode, shares)


def _shares(found: Any) -> dict[str, float]:
    if not isinstance(found, Mapping) or not found or not all(map(is_version, found)):
        raise _wrong("shares", "must be percentages by version")
    shares = {version: _percent(share, "shares") for version, share in found.items()}
    if not 0 < sum(shares.values()) <= 100:
        raise _wrong("shares", "must sum to more than 0 and at most 100")
    return shares


def _percent(found: Any, name: str) -> float:
    number = isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
    if not number or not 0 <= found <= 100:
        raise _wrong(name, "must be a number from 0 to 100")
    return float(found)


def _wrong(name: str, reason: str) -> InvalidInput:
    return InvalidInput([{"field": name, "reason": reason}])


class TrafficSplitFile:
    """``routing.json``, replaced atomically. Several processes may change it concurrently."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def document(self) -> dict[str, Any]:
        """The file's content, ``{"mode": "off"}`` without a file.

        :raises StoreUnreadable: if the file cannot be read.
        """
        return {"mode": OFF} | (atomic_files.read_object(self._root / ROUTING) or {})

    def current(self) -> TrafficSplit | None:
        """The traffic split in force, or None.

        :raises StoreUnreadable: if the file cannot be read, or is invalid.
        """
        try:
            return parse(self.document())
        except InvalidInput as error:
            (found, *_) = error.details["errors"]
            raise StoreUnreadable(ROUTING, f"{found['field']} {found['reason']}") from None

    @atomic_files.writing()
    def set(self, split: TrafficSplit | None, *, accept: Accept = lambda version: None) -> None:
        """Put ``split`` in force, or end any split.

        :raises StoreNotWritable: if the file cannot be replaced.
        """
        with atomic_files.locked(self._root):
            for version in split.shares if split else ():
                accept(version)
            self._write(split.to_dict() if split else {"mode": OFF})

    @atomic_files.writing()
    def end(self, split: TrafficSplit, reason: str) -> bool:
        """End ``split`` with a reason; False if it is no longer in force."""
        with atomic_files.locked(self._root):
            current = self.current()
            if current is None or current.id != split.id:
                return False
            self._write({"mode": OFF, "ended": split.to_dict() | {"reason": reason}})
            return True

    def uses(self, version: str) -> bool:
        """True if the split in force contains ``version``."""
        return (split := self.current()) is not None and version in split.shares

    def _write(self, document: Mapping[str, Any]) -> None:
        stamp = {"changed_at": datetime.now(UTC).isoformat(timespec="seconds")}
        atomic_files.replace(self._root / ROUTING, json.dumps({**document, **stamp}).encode())
