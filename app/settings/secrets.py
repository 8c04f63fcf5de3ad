"""Rules for secrets: which are long and random enough, and which are never shown."""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from math import log2
from typing import Any

from environs import ValidationError

# Words of examples, which everybody knows.
PLACEHOLDERS = (
    *("demo_key", "your_secure", "your-secure", "changeme", "change_me", "change-me"),
    *("password", "passw0rd", "qwerty", "asdfgh", "qazwsx", "letmein", "supersecret", "insecure"),
    *("your-api", "your_api", "api-key", "api_key", "apikey", "replace-", "replace_", "todo-"),
)
# Words that make a secret longer and no harder to guess: those of placeholders, and rows of keyboards.
KNOWN_WORDS = re.compile(
    "placeholder|development|production|undefined|deadbeef|cafebabe|generate|whatever|example|default|"
    "testing|staging|service|welcome|company|secret|insert|sample|string|random|strong|secure|access|"
    "pepper|client|server|dragon|monkey|please|change|dummy|token|admin|hello|world|value|enter|"
    "local|private|fixme|model|jwt|hmac|goes|here|your|demo|fake|mock|test|temp|user|root|none|null|"
    "todo|this|that|real|some|with|must|sign|auth|pass|key|api|foo|bar|baz|qux|new|old|prod|dev|"
    "1qaz|2wsx|3edc|4rfv|5tgb|6yhn|7ujm|asdf|zxcv|hjkl|uiop|qwer|tyui",
    re.IGNORECASE,
)
# Least entropy of a secret, by the frequencies of its characters; 16 random hexadecimal digits have about 49.
LEAST_BITS = 30.0
LEAST_BITS_EACH = 1.5  # of a character on average; a long counter has about 1
STRIDES = range(1, 5)  # distances of the characters that are compared: 0102030405060708 counts in pairs
LONGEST_KEY = 512  # characters of an API key
# Variables whose values are never shown.
SECRET_NAMES = re.compile(
    r"API_KEY_(\d+|PEPPER)|JWT_PUBLIC_KEY|MODEL_SIGNING_KEY|.*(SECRET|PASSWORD|TOKEN|_URL)"
)


def unguessable(value: str) -> None:
    """Reject a secret that is short, a placeholder, or cannot be sent in a header."""
    if len(value) < 16:
        raise ValidationError("A secret must have at least 16 characters.")
    if any(word in value.lower() for word in PLACEHOLDERS):
        raise ValidationError("This is a placeholder; make a secret of your own.")
    if min(bits(value), bits(KNOWN_WORDS.sub("", value))) < LEAST_BITS:
        raise ValidationError("This is easy to guess; make a random secret, as openssl rand -hex 24 does.")
    if not re.fullmatch(r"[!-~]+", value):
        raise ValidationError("A secret must be of printable ASCII characters without spaces.")


def bits(value: str) -> float:
    """Entropy of a secret's characters or, if that is less, of the steps between them; repeats count once,
    and sequences nothing.
    """
    if repeated := re.fullmatch(r"(.+?)\1+(.*)", value, re.DOTALL):
        value = repeated[1] + repeated[2].removeprefix(repeated[1])
    codes = [ord(character) for character in value]
    steps = [[b - a for a, b in zip(codes, codes[stride:], strict=False)] for stride in STRIDES]
    each = min(map(_entropy, (codes, *filter(None, steps))))
    return len(value) * each if each >= LEAST_BITS_EACH else 0.0


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
