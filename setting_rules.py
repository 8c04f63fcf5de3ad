"""What makes a setting right; config.py says which settings there are."""

import os
import re
from pathlib import Path
from typing import Any

from environs import FileAwareEnv, ValidationError
from limits import parse_many

# What stands in examples is known to everybody.
PLACEHOLDERS = ("demo_key", "your_secure", "your-secure", "changeme", "change_me", "change-me")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
# Variables whose values are never shown.
SECRET_NAMES = re.compile(
    r"API_KEY_(\d+|PEPPER)|JWT_PUBLIC_KEY|MODEL_SIGNING_KEY|.*(SECRET|PASSWORD|TOKEN|_URL)"
)


class Environment(FileAwareEnv):
    """The process's environment variables."""

    def numbered(self, first: str, **options: Any) -> dict[str, str]:
        """All of ``NAME_1``, ``NAME_2``, …, by name; ``first`` is ``NAME_1``, and numbers may be left out."""
        pattern = re.compile(re.escape(first.removesuffix("1")) + r"\d+(?=(_FILE)?$)")
        names = {found[0] for found in map(pattern.match, os.environ) if found}
        return {name: self.str(name, **options) for name in sorted(names)}

    def optional_path(self, name: str) -> Path | None:
        """A path, or None if there is none or it is empty, as Compose files leave what is not set."""
        text = self.str(name, "")
        return Path(text) if text.strip() else None


def unguessable(value: str) -> None:
    """Refuse a secret that is short, a placeholder, or cannot be sent in a header."""
    if len(value) < 16:
        raise ValidationError("A secret must have at least 16 characters.")
    if any(word in value.lower() for word in PLACEHOLDERS):
        raise ValidationError("This is a placeholder; make a secret of your own.")
    if not re.fullmatch(r"[!-~]+", value):
        raise ValidationError("A secret must be of printable ASCII characters without spaces.")


def ed25519_public_key(value: str) -> None:
    """Refuse what is no Ed25519 public key in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        valid = isinstance(load_pem_public_key(value.encode()), Ed25519PublicKey)
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("Must be an Ed25519 public key in PEM.")


def one_rate(value: str) -> None:
    """Refuse what is not one limit in the usual notation."""
    try:
        valid = len(parse_many(value)) == 1
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError('Must be one limit, such as "20/minute".')


def rates(value: str) -> None:
    """Refuse what is neither empty nor limits in the usual notation."""
    try:
        sane = not value or all(window.amount for window in parse_many(value))
    except ValueError:
        sane = False
    if not sane:
        raise ValidationError("Must be empty or like '100 per hour' or '20/second;1000/hour'.")


def limits_fault(config: Any) -> str | None:
    """What no single variable shows to be wrong about limits and the store they are shared in, or None."""
    if config.REDIS_URL:
        if config.REDIS_URL.startswith(REDIS_SCHEMES):
            return None
        # Its value may hold a password.
        return f"REDIS_URL: must start with one of {', '.join(REDIS_SCHEMES)}"
    for name in ("RATE_LIMIT", "RATE_LIMIT_ADMIN"):
        limit = getattr(config, name)
        if limit and min(window.amount for window in parse_many(limit)) < config.WORKERS:
            return (
                f"{name}={limit!r}: must admit a request to each of WORKERS={config.WORKERS}; "
                "with REDIS_URL they share the limit"
            )
    return None


def authentication_fault(config: Any) -> str | None:
    """What no single variable shows to be wrong about keys and tokens, or None."""
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
