"""Rules for single settings and for several together; config.py has the settings."""

import os
import re
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from math import log2
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import FileAwareEnv, ValidationError

from app.settings.rate_limits import parse_limit

# Words of examples, which everybody knows.
PLACEHOLDERS = (
    *("demo_key", "your_secure", "your-secure", "changeme", "change_me", "change-me"),
    *("password", "passw0rd", "qwerty", "asdfgh", "qazwsx", "letmein", "supersecret", "insecure"),
    *("your-api", "your_api", "api-key", "api_key", "apikey", "replace-", "replace_", "todo-"),
)
# Least entropy of a secret, by the frequencies of its characters; 16 random hexadecimal digits have about 50.
LEAST_BITS = 30.0
YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
# As browsers send it: no path, no trailing slash, and nothing that could be read as a pattern.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")
# Variables whose values are never shown.
SECRET_NAMES = re.compile(
    r"API_KEY_(\d+|PEPPER)|JWT_PUBLIC_KEY|MODEL_SIGNING_KEY|.*(SECRET|PASSWORD|TOKEN|_URL)"
)

Network = IPv4Network | IPv6Network


class Environment(FileAwareEnv):
    """The process's environment variables."""

    def numbered(self, first: str, **options: Any) -> dict[str, str]:
        """All of ``NAME_1``, ``NAME_2``, …, by name; ``first`` is ``NAME_1``, and numbers may be left out."""
        pattern = re.compile(re.escape(first.removesuffix("1")) + r"\d+(?=(_FILE)?$)")
        names = {found[0] for found in map(pattern.match, os.environ) if found}
        return {name: self.str(name, **options) for name in sorted(names)}

    def optional_path(self, name: str) -> Path | None:
        """A path, or None if unset or empty, as Compose files leave a variable that is not set."""
        text = self.str(name, "")
        return Path(text) if text.strip() else None


def unguessable(value: str) -> None:
    """Reject a secret that is short, a placeholder, or cannot be sent in a header."""
    if len(value) < 16:
        raise ValidationError("A secret must have at least 16 characters.")
    if bits(value) < LEAST_BITS:
        raise ValidationError("This is easy to guess; make a random secret, as openssl rand -hex 24 does.")
    if any(word in value.lower() for word in PLACEHOLDERS):
        raise ValidationError("This is a placeholder; make a secret of your own.")
    if not re.fullmatch(r"[!-~]+", value):
        raise ValidationError("A secret must be of printable ASCII characters without spaces.")


def bits(value: str) -> float:
    """Entropy of a secret's characters or, if that is less, of the steps between them; repeats count once."""
    if repeated := re.fullmatch(r"(.+?)\1+(.*)", value, re.DOTALL):
        value = repeated[1] + repeated[2].removeprefix(repeated[1])
    steps = [ord(after) - ord(before) for before, after in pairwise(value)]
    return len(value) * min(_entropy(value), _entropy(steps))


def _entropy(symbols: Sequence[Any]) -> float:
    shares = [count / len(symbols) for count in Counter(symbols).values()]
    return -sum(share * log2(share) for share in shares)


def ed25519_public_key(value: str) -> None:
    """Reject anything but an Ed25519 public key in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    with suppress(ValueError):
        if isinstance(load_pem_public_key(value.encode()), Ed25519PublicKey):
            return
    raise ValidationError("Must be an Ed25519 public key in PEM.")


def origins(values: list[str]) -> None:
    """Reject anything but ``*`` alone, or origins such as ``https://app.example.com:8443``: no patterns."""
    for value in values:
        if value != "*" and not _is_origin(value):
            hint = "write each as scheme://host or scheme://host:port, without patterns."
            raise ValidationError(f"{value!r} is no origin: {hint}")
    if "*" in values and len(values) > 1:
        raise ValidationError("* stands for every origin, and so alone.")


def _is_origin(value: str) -> bool:
    try:
        return bool(ORIGIN.fullmatch(value)) and urlsplit(value).port != 0
    except ValueError:  # a port beyond 65535
        return False


def networks(values: list[str]) -> tuple[Network, ...]:
    """The networks that ``METRICS_ALLOW_PRIVATE`` opens: none, or those that it lists; no word for all."""
    values = [value.strip() for value in values]
    word = ",".join(values).lower()
    if word in NO:
        return ()
    if word in YES:
        hint = "name the addresses or networks that scrape, such as 10.0.3.7 or 10.0.3.0/24."
        raise ValidationError(f"{word} would open /metrics to clients of any proxy inside; {hint}")
    try:
        found = tuple(map(ip_network, values))
        if mapped := [str(each) for each in found if getattr(each.network_address, "ipv4_mapped", None)]:
            raise ValueError(f"{mapped[0]} is to be written as one of IPv4")
        return found
    except ValueError as error:
        raise ValidationError(f"Must be false or networks such as 10.0.3.0/24: {error}.") from None


def host_fault(config: Any) -> str | None:
    """Why nothing can listen at ``HOST``, or None; tries a free port: another server does not matter."""
    host = config.HOST
    try:
        family, kind, _, _, (address, *_) = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as listener:
            listener.bind((address, 0))
    except (OSError, UnicodeError):
        hint = "127.0.0.1 is for callers on it, 0.0.0.0 for all"
        return f"HOST={host!r}: is no address of this machine; {hint}"
    return None


def limits_fault(config: Any) -> str | None:
    """Contradiction between limits, or fault of the store that shares them, or None."""
    if config.MAX_BYTES_IN_FLIGHT < config.MAX_CONTENT_LENGTH:
        return (
            f"MAX_BYTES_IN_FLIGHT={config.MAX_BYTES_IN_FLIGHT}: must have room for a body of"
            f" MAX_CONTENT_LENGTH={config.MAX_CONTENT_LENGTH}"
        )
    if config.REDIS_URL:
        # The value may hold a password, so no message shows it.
        if not config.REDIS_URL.startswith(REDIS_SCHEMES):
            return f"REDIS_URL: must start with one of {', '.join(REDIS_SCHEMES)}"
        return _url_fault(config.REDIS_URL)
    for name in ("RATE_LIMIT", "RATE_LIMIT_ADMIN"):
        limit = getattr(config, name)
        if limit and min(window.amount for window in parse_limit(limit).windows) < config.WORKERS:
            return (
                f"{name}={limit!r}: must admit a request to each of WORKERS={config.WORKERS}; "
                "with REDIS_URL they share the limit"
            )
    return None


def _url_fault(url: str) -> str | None:
    from redis import ConnectionPool

    escape = "write special characters of its password percent-encoded: # as %23, / as %2F, ? as %3F"
    try:
        parts = urlsplit(url)
        port, database = parts.port, parts.path.lstrip("/")  # reading the port may raise
    except ValueError:
        return f"REDIS_URL: has no usable port; {escape}"
    try:
        ConnectionPool.from_url(url).make_connection()  # connects to nothing yet
    except (ValueError, TypeError) as error:
        return f"REDIS_URL: has options that cannot be used: {type(error).__name__}; {escape}"
    whole = parts.scheme == "unix" or (parts.hostname and (not database or database.isdigit()))
    if parts.fragment or not whole:
        return f"REDIS_URL: cannot be read as a whole; {escape}"
    return None if port is None or port > 0 else "REDIS_URL: 0 is no port"


def store_fault(config: Any) -> str | None:
    """Why nothing can be stored in ``MODELS_DIR``, or None; a missing folder is made later."""
    folder = config.MODELS_DIR
    return f"MODELS_DIR={str(folder)!r}: is no folder" if folder.exists() and not folder.is_dir() else None


def authentication_fault(config: Any) -> str | None:
    """Contradiction between the settings of keys and tokens, or None."""
    if config.API_KEYS_FILE and not config.API_KEY_PEPPER:
        return "API_KEY_PEPPER is not set: the hashes in API_KEYS_FILE are made with it"
    given = {name for name in ("JWT_SECRET", "JWT_PUBLIC_KEY") if getattr(config, name)}
    key = "JWT_SECRET" if config.JWT_ALGORITHM == "HS256" else "JWT_PUBLIC_KEY"
    if given - {key}:
        return f"{(given - {key}).pop()} is set: JWT_ALGORITHM={config.JWT_ALGORITHM} uses {key} alone"
    if given or config.JWT_AUDIENCE or config.JWT_ISSUER:
        for name in (key, "JWT_AUDIENCE", "JWT_ISSUER"):
            if not getattr(config, name):
                return f"{name} is not set: tokens are not accepted without it"
    return None
