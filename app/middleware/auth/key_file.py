"""The file of API keys: one JSON object per line, hashes only."""

import json
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.models.repository import atomic_files
from app.settings.rate_limits import parse_windows
from config import SCOPES

PRIVATE = 0o600


class KeyFileInvalid(ValueError):
    """The file is not what ``flask keys`` writes; the message names the line."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A line of the file.

    :param hash: HMAC-SHA256 of the whole key with ``API_KEY_PEPPER``, in hexadecimal.
    :param created_at: ISO 8601 with time zone, as are ``expires_at`` and ``revoked_at``.
    """

    id: str
    name: str
    hash: str
    scopes: list[str]
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    rate_limit: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-z]{4,64}", self.id):
            raise ValueError("id must be 4 to 64 lower-case letters and digits")
        if not isinstance(self.name, str):
            raise TypeError("name must be a string")
        if not re.fullmatch(r"[0-9a-f]{64}", self.hash):
            raise ValueError("hash must be 64 hexadecimal digits")
        if not isinstance(self.scopes, list) or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes must be a list of {', '.join(SCOPES)}")
        for time in (self.created_at, self.expires_at, self.revoked_at):
            if time is not None and datetime.fromisoformat(time).tzinfo is None:
                raise ValueError("times must name their time zone")
        if self.rate_limit is not None:
            parse_windows(self.rate_limit)  # one that admits nothing is no reason to lose the file

    def summary(self) -> dict[str, Any]:
        """Everything but the hash."""
        return {name: value for name, value in asdict(self).items() if name != "hash"}


def read(path: Path) -> list[StoredKey]:
    """The keys of the file; none if there is no file yet.

    :raises KeyFileInvalid: naming the line, never its content.
    :raises OSError: if it cannot be read, or is no file, such as a pipe, which has no end.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError("it is no regular file")
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    keys: dict[str, StoredKey] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            key = StoredKey(**json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise KeyFileInvalid(f"line {number} is not a key") from error
        if key.id in keys:
            raise KeyFileInvalid(f"line {number} has the id of another line")
        keys[key.id] = key
    return list(keys.values())


@contextmanager
def changing(path: Path) -> Iterator[dict[str, StoredKey]]:
    """The keys by id, to be changed in place; written when the block ends, unless it raised.

    Another process that wants to change the file waits; one that reads it sees the old file or the new one.
    """
    path = path.resolve()
    with atomic_files.locked(path.parent, f"{path.name}.lock", mode=PRIVATE):
        keys = {key.id: key for key in read(path)}
        yield keys
        lines = "".join(f"{json.dumps(asdict(key))}\n" for key in keys.values())
        atomic_files.replace(path, lines.encode(), mode=PRIVATE)
