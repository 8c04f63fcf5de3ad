import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.models.loading.signing import Verifier, sign

CONTENT = b'{"version": "v1"}'
SECRET = "a signing key of this test"


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


OWNER, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
BY_SECRET = sign(CONTENT, hmac_key=SECRET)
BY_OWNER = sign(CONTENT, private_key=private_pem(OWNER))
HMAC, ED25519 = Verifier(hmac_key=SECRET), Verifier(public_key=public_pem(OWNER))


@pytest.mark.parametrize(("verifier", "signature"), [(HMAC, BY_SECRET), (ED25519, BY_OWNER)])
def test_signature_holds_for_what_was_signed_and_nothing_else(verifier, signature):
    assert verifier.reason_against(CONTENT, signature) is None
    assert verifier.reason_against(CONTENT + b" ", signature) == "its signature does not match"
    assert verifier.reason_against(CONTENT, None) == "it is not signed"


def test_without_a_key_nothing_is_asked_for():
    assert Verifier().reason_against(CONTENT, None) is None
    assert Verifier().reason_against(CONTENT, b"nonsense") is None


@pytest.mark.parametrize(
    ("verifier", "signature"),
    [
        (Verifier(hmac_key="another key of this test"), BY_SECRET),
        (ED25519, sign(CONTENT, private_key=private_pem(STRANGER))),
    ],
)
def test_signature_of_another_key_does_not_hold(verifier, signature):
    assert verifier.reason_against(CONTENT, signature) == "its signature does not match"


@pytest.mark.parametrize(
    ("verifier", "signature", "kind"), [(HMAC, BY_OWNER, "ed25519"), (ED25519, BY_SECRET, "hmac-sha256")]
)
def test_signature_of_another_kind_does_not_hold(verifier, signature, kind):
    reason = verifier.reason_against(CONTENT, signature)
    assert reason == f"its signature is of another kind than the server's key: {kind!r}"


def test_public_key_is_no_secret_to_make_hmacs_with():
    """The confusion of kinds that tokens were once open to."""
    forged = sign(CONTENT, hmac_key=public_pem(OWNER))
    assert ED25519.reason_against(CONTENT, forged) is not None


def test_both_kinds_may_be_accepted_while_keys_change():
    both = Verifier(hmac_key=SECRET, public_key=public_pem(OWNER))
    assert both.reason_against(CONTENT, BY_SECRET) is None
    assert both.reason_against(CONTENT, BY_OWNER) is None


@pytest.mark.parametrize("verifier", [HMAC, ED25519])
@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"nonsense",
        b"\xff",
        b"[]",
        b"1",
        b"null",
        b"{}",
        b"[" * 200_000,
        json.dumps({"algorithm": "hmac-sha256"}).encode(),
        json.dumps({"algorithm": "hmac-sha256", "value": 1}).encode(),
        json.dumps({"algorithm": "hmac-sha256", "value": "§"}).encode(),
        json.dumps({"algorithm": "hmac-sha256", "value": ""}).encode(),
        json.dumps({"algorithm": "ed25519", "value": ""}).encode(),
        json.dumps({"algorithm": "none", "value": ""}).encode(),
        json.dumps({"algorithm": None, "value": ""}).encode(),
        json.dumps({"algorithm": ["ed25519"], "value": ""}).encode(),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else None,
)
def test_what_is_no_signature_does_not_hold(verifier, signature):
    assert verifier.reason_against(CONTENT, signature)


def test_signing_needs_a_key_of_the_right_kind():
    with pytest.raises(ValueError, match="needs MODEL_SIGNING_KEY or a private key"):
        sign(CONTENT)
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        sign(CONTENT, private_key=private_pem(generate_p256(SECP256R1())))
    with pytest.raises(ValueError, match="PEM"):
        sign(CONTENT, private_key="nonsense")


@pytest.mark.parametrize("key", ["nonsense", public_pem(generate_p256(SECP256R1()))], ids=["no PEM", "P-256"])
def test_public_key_that_is_none_stops_the_start(build_app, key):
    from config import ConfigError

    with pytest.raises(ConfigError, match="MODEL_PUBLIC_KEY"):
        build_app(MODEL_PUBLIC_KEY=key)
    assert build_app(MODEL_PUBLIC_KEY=public_pem(OWNER)).config["MODEL_PUBLIC_KEY"]
