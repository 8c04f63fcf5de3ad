"""Signatures of versions: over ``metadata.json``, which lists every file with its hash.

HMAC-SHA256 if one party saves and serves, Ed25519 if servers must not be able to sign.
"""

import base64
import hmac
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

HMAC, ED25519 = "hmac-sha256", "ed25519"


@dataclass(frozen=True)
class Verifier:
    """The keys that verify signatures; without a key versions need no signature.

    :param hmac_key: shared secret of signers and servers.
    :param public_key: Ed25519 public key, PEM.
    """

    hmac_key: str | None = None
    public_key: str | None = None

    def reason_against(self, metadata: bytes, signature: bytes | None) -> str | None:
        """Why the signature is invalid for these bytes of ``metadata.json``, or None."""
        if not (self.hmac_key or self.public_key):
            return None
        if signature is None:
            return "it is not signed"
        try:
            document = json.loads(signature)
            algorithm, value = document["algorithm"], base64.b64decode(document["value"], validate=True)
        except (ValueError, TypeError, KeyError, RecursionError):
            return "its signature cannot be read"
        if algorithm == HMAC and self.hmac_key:
            holds = hmac.compare_digest(_hmac(self.hmac_key, metadata), value)
        elif algorithm == ED25519 and self.public_key:
            holds = _holds(self.public_key, metadata, value)
        else:
            return f"its signature is of another kind than the server's key: {algorithm!r}"
        return None if holds else "its signature does not match"


def sign(metadata: bytes, *, hmac_key: str | None = None, private_key: str | None = None) -> bytes:
    """The content of ``signature.json`` for these bytes of ``metadata.json``.

    :raises ValueError: if neither key is given, or the private key is not Ed25519 in PEM.
    """
    if private_key:
        key = load_pem_private_key(private_key.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the private key is not an Ed25519 key")
        return _document(ED25519, key.sign(metadata))
    if hmac_key:
        return _document(HMAC, _hmac(hmac_key, metadata))
    raise ValueError("signing needs MODEL_SIGNING_KEY or a private key")


def _document(algorithm: str, value: bytes) -> bytes:
    return json.dumps({"algorithm": algorithm, "value": base64.b64encode(value).decode()}).encode()


def _hmac(key: str, content: bytes) -> bytes:
    return hmac.digest(key.encode(), content, "sha256")


def _holds(public_key: str, content: bytes, value: bytes) -> bool:
    key = load_pem_public_key(public_key.encode())
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(value, content)
    except InvalidSignature:
        return False
    return True
