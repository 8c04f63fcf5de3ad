"""How callers are shared out among versions, and the file that says so: ``routing.json``."""

import json
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from app.exceptions import InvalidInput, StoreUnreadable
from app.models.repository import atomic_files
from app.models.repository.version_names import is_version

log = logging.getLogger(__name__)

ROUTING = "routing.json"
MODES = ("canary", "shadow", "ab")
OFF = "off"
POINTS = 10_000  # a share is cut at a hundredth of a percent


@dataclass(frozen=True)
class TrafficSplit:
    """Who gets which version; whoever gets none of these gets the champion, the active version.

    :param shares: percent of callers by version, ``canary`` and ``ab``; for ``shadow`` the challenger.
    :param id: tells this routing from the one before, even if they are alike.
    """

    mode: str
    shares: Mapping[str, float]
    id: str = field(default_factory=lambda: secrets.token_hex(8))

    def version_for(self, caller: str) -> str | None:
        """The version of a caller, always the same; None for the champion.

        A greater share keeps the callers that it had: they are ordered by a hash of their name and versions.
        """
        digest = blake2b(
            f"{','.join(self.shares)}\n{caller}".encode(errors="replace"), digest_size=8
        ).digest()
        point = int.from_bytes(digest) % POINTS
        upto = 0.0
        for version, percent in self.shares.items():
            upto += percent * POINTS / 100
            if point < upto:
                return version
        return None

    def to_dict(self) -> dict[str, Any]:
        """As in the API and in the file."""
        if self.mode == "ab":
            return {"mode": self.mode, "shares": dict(self.shares), "id": self.id}
        ((challenger, percent),) = self.shares.items()
        found = {"mode": self.mode, "challenger": challenger, "id": self.id}
        return found | ({"percent": percent} if self.mode == "canary" else {})


def parse(document: Mapping[str, Any]) -> TrafficSplit | None:
    """The routing that a document asks for, or None for ``off``.

    :raises InvalidInput: naming the field that is wrong.
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
    """``routing.json``, replaced atomically. Several processes may change it at the same time."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def document(self) -> dict[str, Any]:
        """What it says, ``{"mode": "off"}`` if there is none.

        :raises StoreUnreadable: if it is there and cannot be read.
        """
        return {"mode": OFF} | (atomic_files.read_object(self._root / ROUTING) or {})

    def current(self) -> TrafficSplit | None:
        """The routing that is to be followed, or None.

        :raises StoreUnreadable: if it cannot be read, or is none.
        """
        try:
            return parse(self.document())
        except InvalidInput as error:
            (found, *_) = error.details["errors"]
            raise StoreUnreadable(ROUTING, f"{found['field']} {found['reason']}") from None

    @atomic_files.writing()
    def set(
        self, routing: TrafficSplit | None, *, accept: Callable[[str], object] = lambda version: None
    ) -> None:
        """Follow ``routing``, or none.

        :param accept: called with each of its versions first, while nobody can remove it; what it raises
            leaves all as it is.
        :raises StoreNotWritable: if the file cannot be replaced.
        """
        with atomic_files.locked(self._root):
            for version in routing.shares if routing else ():
                accept(version)
            self._write(routing.to_dict() if routing else {"mode": OFF})

    @atomic_files.writing()
    def end(self, routing: TrafficSplit, reason: str) -> bool:
        """Stop ``routing`` and note why; False if another process was quicker or it was changed."""
        with atomic_files.locked(self._root):
            current = self.current()
            if current is None or current.id != routing.id:
                return False
            self._write({"mode": OFF, "ended": routing.to_dict() | {"reason": reason}})
            return True

    def uses(self, version: str) -> bool:
        """Whether callers are routed to ``version``."""
        return (routing := self.current()) is not None and version in routing.shares

    def _write(self, document: Mapping[str, Any]) -> None:
        stamp = {"changed_at": datetime.now(UTC).isoformat(timespec="seconds")}
        atomic_files.replace(self._root / ROUTING, json.dumps({**document, **stamp}).encode())
