"""API keys: made, hashed, looked up and compared."""

import hmac
import logging
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time

from app.middleware.auth import key_file
from app.middleware.auth.key_file import KeyFileInvalid, StoredKey
from app.middleware.auth.principal import InvalidCredential, Principal
from app.settings.rate_limits import parse_limit
from app.settings.secrets import LONGEST_KEY

log = logging.getLogger(__name__)

KEY_PREFIX = "msk"
POLL_INTERVAL = 1.0  # s between two polls of the file: a stat costs more than the rest of the check


def generate() -> tuple[str, str]:
    """A new key of 256 random bits, and the id that stands in it."""
    key_id = secrets.token_hex(6)
    return key_id, f"{KEY_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"


class Hasher:
    """HMAC-SHA256 with the pepper, which is hashed once: 1.6 µs a key, where `hmac.digest` takes 4."""

    def __init__(self, pepper: str) -> None:
        self._keyed = hmac.new(pepper.encode(), digestmod="sha256")

    def __call__(self, key: str) -> bytes:
        mac = self._keyed.copy()
        mac.update(key.encode())
        return mac.digest()


def lookup_id(key: str, digest: bytes) -> str:
    """The id that stands in a generated key; of any other key the beginning of its hash."""
    prefix, _, rest = key.partition("_")
    key_id, separator, _ = rest.partition("_")
    return key_id if prefix == KEY_PREFIX and separator else digest[:8].hex()


@dataclass(frozen=True, slots=True)
class Entry:
    """A key as it is compared; ``expires`` is in seconds since the epoch."""

    digest: bytes
    principal: Principal
    expires: float = math.inf
    revoked: bool = False


class ApiKeyVerifier:
    """The keys of the environment and of the file, which is read again within a second of a change.

    :param environment: keys by the name of their variable; they never expire.
    :param scopes: what the keys of the environment may do.
    :param clock: seconds since the epoch.
    :raises KeyFileInvalid: if the file cannot be understood; later that is logged, and the keys known so
        far stay in force.
    :raises OSError: if the file cannot be read; a file that is not there holds no keys.
    """

    def __init__(
        self,
        *,
        pepper: str,
        environment: Mapping[str, str],
        scopes: Iterable[str],
        path: Path | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._hash = Hasher(pepper)
        self._path = path
        self._clock = clock
        # An unknown id takes as long as a known one.
        self._unknown = Entry(secrets.token_bytes(32), Principal(None, frozenset()))
        self._fixed = {}
        for name, key in environment.items():
            digest = self._hash(key)
            self._fixed[lookup_id(key, digest)] = Entry(digest, Principal(name, frozenset(scopes)))
        self._polled_at = clock() if path else math.inf
        self._seen = self._signature()
        self._entries = self._read()

    def __len__(self) -> int:
        return len(self._entries)

    def verify(self, key: str) -> Principal:
        """The principal of a key.

        :raises InvalidCredential: if the key is unknown, expired or revoked.
        """
        now = self._clock()
        if abs(now - self._polled_at) >= POLL_INTERVAL and self._path:
            self._reload_if_changed(now)
        if len(key) > LONGEST_KEY:
            raise InvalidCredential("invalid")
        digest = self._hash(key)
        entry = self._entries.get(lookup_id(key, digest), self._unknown)
        if not hmac.compare_digest(digest, entry.digest):
            raise InvalidCredential("invalid")
        if entry.revoked:
            raise InvalidCredential("revoked")
        if entry.expires <= now:
            raise InvalidCredential("expired")
        return entry.principal

    def _reload_if_changed(self, now: float) -> None:
        self._polled_at = now
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._entries = self._read()
        except (OSError, KeyFileInvalid) as error:
            log.error("API_KEYS_FILE cannot be read: keys stay as they were", extra={"reason": str(error)})

    def _signature(self) -> tuple[int, ...] | None:
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode) if found else None

    def _read(self) -> dict[str, Entry]:
        stored = key_file.read(self._path) if self._path else []
        return {key.id: _entry(key) for key in stored} | self._fixed


def _entry(key: StoredKey) -> Entry:
    rate_limit = None
    try:
        rate_limit = parse_limit(key.rate_limit) if key.rate_limit else None
    except ValueError:
        log.error("the rate limit of a key is none", extra={"key": key.id, "limit": key.rate_limit})
    principal = Principal(key.id, frozenset(key.scopes), rate_limit)
    expires = datetime.fromisoformat(key.expires_at).timestamp() if key.expires_at else math.inf
    return Entry(bytes.fromhex(key.hash), principal, expires, revoked=key.revoked_at is not None)
