"""Keys and tokens to call with."""

import time
from typing import Any

import jwt

from app.middleware.auth import key_file
from app.middleware.auth.api_keys import Hasher, generate
from app.middleware.auth.key_file import StoredKey

KEY = "correct-horse-battery-staple"
PEPPER = "a-pepper-of-these-tests-91b2"
SECRET = "an-hmac-secret-of-at-least-32-characters"
AUDIENCE = "model-service"
ISSUER = "https://issuer.example"
TOKENS = {"JWT_SECRET": SECRET, "JWT_AUDIENCE": AUDIENCE, "JWT_ISSUER": ISSUER}
LONG_AGO = "2020-01-01T00:00:00+00:00"


def add_key(path: Any, *, scopes: tuple[str, ...] = ("predict",), **fields: Any) -> str:
    """A new key in the file."""
    key_id, key = generate()
    with key_file.changing(path) as known:
        known[key_id] = StoredKey(
            id=key_id,
            name="test",
            hash=Hasher(PEPPER)(key).hex(),
            scopes=list(scopes),
            created_at=LONG_AGO,
            **fields,
        )
    return key


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; a claim that is changed to ... is left out."""
    now = int(time.time())
    good = {"exp": now + 600, "aud": AUDIENCE, "iss": ISSUER, "sub": "alice", "scope": "predict"}
    return {name: value for name, value in (good | changes).items() if value is not ...}


def token(key: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **changes: Any) -> str:
    """A token of `claims`."""
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


def with_key(key: str) -> dict[str, str]:
    return {"X-API-Key": key}


def with_token(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}
