"""Bearer tokens (JWT), verified with one key and one algorithm."""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from time import time
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.middleware.auth.principal import InvalidCredential, Principal
from config import SCOPES, ConfigError

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
MAX_LENGTH = 4096
# Header fields that say nothing about where to fetch a key or how to read the token otherwise.
HARMLESS_FIELDS = {"alg", "typ", "kid", "x5t", "x5t#S256"}
TYPES = {"JWT", "AT+JWT"}
KEY_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9._:=+/@-]{1,128}")
SUBJECT = re.compile(r"[ -~]{1,128}")
CACHE_SIZE = 1024


def verification_key(algorithm: str, *, secret: str | None, public_key: str | None) -> Any:
    """The key to verify with, checked once at start.

    :raises ConfigError: if the public key is not one for the algorithm.
    """
    if algorithm == "HS256":
        return secret
    try:
        key = load_pem_public_key((public_key or "").encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if algorithm == "RS256":
        fits = isinstance(key, RSAPublicKey) and key.key_size >= 2048
        expected = "an RSA public key of at least 2048 bits"
    else:
        fits = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
        expected = "a public key on the curve P-256"
    if not fits:
        raise ConfigError(f"JWT_PUBLIC_KEY=***: JWT_ALGORITHM={algorithm} needs {expected}, in PEM")
    return key


class TokenVerifier:
    """Verifies tokens of one issuer for one audience.

    :param key: what `verification_key` returned.
    :param scope_claim: the claim with the scopes, as words in a string or as a list.
    :param clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        algorithm: str,
        key: Any,
        audience: str,
        issuer: str,
        scope_claim: str,
        clock: Callable[[], float] = time,
    ) -> None:
        self._scope_claim = scope_claim
        self._clock = clock
        decode = jwt.PyJWT(
            {"require": ["exp", "aud", "iss"], "strict_aud": True, "enforce_minimum_key_length": True}
        ).decode_complete
        self._decode = partial(decode, key=key, algorithms=[algorithm], audience=audience, issuer=issuer)
        self._verified: dict[bytes, tuple[Principal, float]] = {}

    def verify(self, token: str) -> Principal:
        """The principal of a token.

        Verified tokens are cached by their hash until they expire: verification takes 50 (HS256) to 200 µs
        (ES256), and clients send the same token for minutes.

        :raises InvalidCredential: if the token is not valid, or has expired.
        """
        if len(token) > MAX_LENGTH or not COMPACT.fullmatch(token):
            raise InvalidCredential("invalid")
        digest = hashlib.sha256(token.encode()).digest()
        principal, expires = self._verified.get(digest) or self._verify_anew(digest, token)
        if expires <= self._clock():
            raise InvalidCredential("expired")
        return principal

    def _verify_anew(self, digest: bytes, token: str) -> tuple[Principal, float]:
        claims = self._claims(token)
        verified = _principal(claims, scopes=_scopes(claims.get(self._scope_claim, ""))), float(claims["exp"])
        if len(self._verified) >= CACHE_SIZE:
            self._verified.clear()
        self._verified[digest] = verified
        return verified

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            decoded = self._decode(token)
        except jwt.ExpiredSignatureError:
            raise InvalidCredential("expired") from None
        # Anything that the parser raises is the token's fault.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidCredential("invalid") from None
        _check_header(decoded["header"])
        claims: dict[str, Any] = decoded["payload"]
        if not all(_is_date(claims.get(name, 0)) for name in ("exp", "nbf", "iat")):
            raise InvalidCredential("invalid")
        return claims


def _is_date(value: Any) -> bool:
    """Seconds since the epoch that a float holds; JSON knows larger integers."""
    return type(value) in (int, float) and abs(value) < 2**53


def _check_header(header: dict[str, Any]) -> None:
    fields_known = header.keys() <= HARMLESS_FIELDS
    type_known = str(header.get("typ", "JWT")).upper() in TYPES
    if not (fields_known and type_known and KEY_ID.fullmatch(header.get("kid", "none"))):
        raise InvalidCredential("invalid")


def _principal(claims: dict[str, Any], *, scopes: frozenset[str]) -> Principal:
    subject = claims.get("sub")
    if subject is not None and not SUBJECT.fullmatch(subject):
        raise InvalidCredential("invalid")
    return Principal(None if subject is None else f"jwt:{subject}", scopes)


def _scopes(claim: Any) -> frozenset[str]:
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidCredential("invalid")
    return frozenset(words) & frozenset(SCOPES)
