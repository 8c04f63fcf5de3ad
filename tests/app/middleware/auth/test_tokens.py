import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from app.middleware.auth.principal import InvalidCredential, Principal
from app.middleware.auth.tokens import CACHE_SIZE, TokenVerifier, verification_key
from config import ConfigError
from tests.app.middleware.auth.credentials import AUDIENCE, ISSUER, SECRET, TOKENS, claims, token, with_token
from tests.assertions import assert_error

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pem(private):
    """The public key of a private one."""
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(encoding, form).decode()


def private_pem(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def make_verifier(algorithm="HS256", secret=SECRET, public_key=None, **options):
    key = verification_key(algorithm, secret=secret, public_key=public_key)
    return TokenVerifier(
        algorithm=algorithm, key=key, audience=AUDIENCE, issuer=ISSUER, scope_claim="scope", **options
    )


VERIFIERS = {
    "HS256": make_verifier(),
    "RS256": make_verifier("RS256", public_key=pem(RSA)),
    "ES256": make_verifier("ES256", public_key=pem(EC)),
}
SIGNERS = {"HS256": SECRET, "RS256": RSA, "ES256": EC}


def encode(part):
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header, body, secret=SECRET):
    """A token with any header and body, signed with HMAC-SHA256, whatever the header says."""
    message = f"{encode(header)}.{encode(body)}"
    secret = secret.encode() if isinstance(secret, str) else secret
    return f"{message}.{encode(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def with_header(**fields):
    """Well signed and with good claims, but for these header fields."""
    return signed({"alg": "HS256", "typ": "JWT"} | fields, claims())


def jwk(private):
    """The public RSA key as a JSON Web Key."""
    return jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())


def refusal(verifier, text):
    with pytest.raises(InvalidCredential) as refused:
        verifier.verify(text)
    return refused.value.reason


GOOD = token()
HEADER, BODY, SIGNATURE = GOOD.split(".")
NOW = int(time.time())

# The signature is right, and so is all but what the name says.
MISUSED = {
    "no exp": token(exp=...),
    "exp is null": token(exp=None),
    "exp in the past": token(exp=NOW - 1),
    "exp long past": token(exp=0),
    "exp as text": token(exp=str(NOW + 600)),
    "exp as words": token(exp="tomorrow"),
    "exp as a boolean": token(exp=True),
    "exp as a list": token(exp=[NOW + 600]),
    "exp is NaN": signed(
        {"alg": "HS256"}, json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": NaN').encode()
    ),
    "exp beyond every float": token(exp=10**400),
    "exp far below": token(exp=-(10**400)),
    "nbf beyond every float": token(nbf=-(10**400)),
    "iat beyond every float": token(iat=-(10**400)),
    "exp is infinite": signed(
        {"alg": "HS256"}, json.dumps(claims(exp=0)).replace('"exp": 0', '"exp": 1e999').encode()
    ),
    "nbf in the future": token(nbf=NOW + 3000),
    "nbf as words": token(nbf="now"),
    "nbf as a boolean": token(nbf=True),
    "iat in the future": token(iat=NOW + 3000),
    "no aud": token(aud=...),
    "aud is null": token(aud=None),
    "aud is empty": token(aud=""),
    "wrong aud": token(aud="another-service"),
    "aud in another case": token(aud=AUDIENCE.upper()),
    "aud that begins the same": token(aud=AUDIENCE + "-test"),
    "aud is a list with ours": token(aud=[AUDIENCE]),
    "aud is a list with another": token(aud=[AUDIENCE, "another-service"]),
    "aud is an object": token(aud={AUDIENCE: True}),
    "no iss": token(iss=...),
    "wrong iss": token(iss="https://evil.example"),
    "iss is a part of ours": token(iss=ISSUER[:-1]),
    "iss begins with ours": token(iss=ISSUER + ".evil.example"),
    "iss is empty": token(iss=""),
    "iss is a list": signed({"alg": "HS256"}, claims(iss=[ISSUER])),
    "iss with a slash": token(iss=ISSUER + "/"),
    "sub is a number": signed({"alg": "HS256"}, claims(sub=7)),
    "sub with a line break": token(sub="alice\nadmin"),
    "sub is endless": token(sub="a" * 129),
    "scope is a number": token(scope=7),
    "scope is an object": token(scope={"admin": True}),
    "scope is a list of objects": token(scope=[{"admin": True}]),
    "kid climbs": with_header(kid="../../../../dev/null"),
    "kid injects": with_header(kid="x' UNION SELECT 'secret"),
    "kid is a command": with_header(kid="|/bin/true"),
    "kid is a number": with_header(kid=1),
    "kid is a list": with_header(kid=["a"]),
    "kid is endless": with_header(kid="a" * 129),
    "jku": with_header(jku="https://canary.example/jwks.json"),
    "x5u": with_header(x5u="https://canary.example/chain.pem"),
    "jwk": with_header(jwk=json.loads(jwk(OTHER_RSA))),
    "x5c": with_header(x5c=["MIIB"]),
    "unknown crit": with_header(crit=["exp2"], exp2=1),
    "crit without its field": with_header(crit=["b64"]),
    "empty crit": with_header(crit=[]),
    "b64 is false": with_header(b64=False, crit=["b64"]),
    "compressed": with_header(zip="DEF"),
    "nested": with_header(cty="JWT"),
    "typ of another kind": with_header(typ="secevent+jwt"),
    "header with one field too many": with_header(role="admin"),
    "body is a list": signed({"alg": "HS256"}, ["predict"]),
    "body is text": signed({"alg": "HS256"}, b"predict"),
    "body is deep": signed({"alg": "HS256"}, b"[" * 2900),
}

# The signature is wrong, missing, or of a kind that was not agreed.
FORGED = {
    "alg none, unsigned": f"{encode({'alg': 'none'})}.{BODY}.",
    "alg none, old signature": f"{encode({'alg': 'none'})}.{BODY}.{SIGNATURE}",
    "alg NoNe": f"{encode({'alg': 'NoNe'})}.{BODY}.{SIGNATURE}",
    "alg NONE": f"{encode({'alg': 'NONE'})}.{BODY}.",
    "alg empty": signed({"alg": ""}, claims()),
    "alg null": signed({"alg": None}, claims()),
    "alg missing": signed({"typ": "JWT"}, claims()),
    "alg is a list": signed({"alg": ["HS256"]}, claims()),
    "alg is an object": signed({"alg": {"HS256": 1}}, claims()),
    "alg in lower case": signed({"alg": "hs256"}, claims()),
    "alg HS512": token(algorithm="HS512", key=SECRET * 2),
    "alg HS384": token(algorithm="HS384", key=SECRET * 2),
    "HS256 with the RSA public key": signed({"alg": "HS256"}, claims(), secret=pem(RSA)),
    "HS256 with the RSA public key, stripped": signed({"alg": "HS256"}, claims(), secret=pem(RSA).strip()),
    "HS256 with the JWK of the RSA key": signed({"alg": "HS256"}, claims(), secret=jwk(RSA)),
    "HS256 with the EC public key": signed({"alg": "HS256"}, claims(), secret=pem(EC)),
    "HS256 with no secret": signed({"alg": "HS256"}, claims(), secret=""),
    "HS256 with a null byte": signed({"alg": "HS256", "kid": "/dev/null"}, claims(), secret="\0"),
    "another secret": token(key="another-hmac-secret-of-at-least-32-chars"),
    "another RSA key": token(key=OTHER_RSA, algorithm="RS256"),
    "another RSA key, in jku": token(
        key=OTHER_RSA, algorithm="RS256", headers={"jku": "https://canary.example/"}
    ),
    "another RSA key, enclosed": token(
        key=OTHER_RSA, algorithm="RS256", headers={"jwk": json.loads(jwk(OTHER_RSA))}
    ),
    "RS512": token(key=RSA, algorithm="RS512"),
    "PS256": token(key=RSA, algorithm="PS256"),
    "another EC key": token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "ES256 of zeros": f"{encode({'alg': 'ES256'})}.{BODY}.{encode(bytes(64))}",
    "ES384": token(key=ec.generate_private_key(ec.SECP384R1()), algorithm="ES384"),
    "EdDSA": token(key=ed25519.Ed25519PrivateKey.generate(), algorithm="EdDSA"),
    "changed body": f"{HEADER}.{encode(claims(scope='admin'))}.{SIGNATURE}",
    "changed header": f"{encode({'alg': 'HS256', 'kid': 'b'})}.{BODY}.{SIGNATURE}",
    "cut signature": GOOD[:-1],
    "no signature": f"{HEADER}.{BODY}.",
    "two parts": f"{HEADER}.{BODY}",
    "four parts": f"{GOOD}.{SIGNATURE}",
    "five parts": f"{HEADER}..{BODY}.{SIGNATURE}.x",
    "padded": f"{HEADER}.{BODY}.{SIGNATURE}=",
    "two tokens": f"{GOOD},{GOOD}",
    "two headers": f"{GOOD}, Bearer {GOOD}",
    "in quotation marks": f'"{GOOD}"',
    "line break": f"{HEADER}.{BODY}\n.{SIGNATURE}",
    "null byte": f"{GOOD}\0",
    "a megabyte": f"{HEADER}.{'A' * 1_000_000}.{SIGNATURE}",
    "header is a list": f"{encode(['HS256'])}.{BODY}.{SIGNATURE}",
    "header is deep": f"{encode(b'[' * 2900)}.{BODY}.{SIGNATURE}",
    "header is a huge number": f"{encode(b'9' * 2900)}.{BODY}.{SIGNATURE}",
    "header is no JSON": f"{encode(b'{')}.{BODY}.{SIGNATURE}",
    "header is not UTF-8": f"{encode(bytes([255, 254]))}.{BODY}.{SIGNATURE}",
    "nothing": "",
    "dots": "..",
    "not ASCII": GOOD.replace("e", "é", 1),
}
HOSTILE = MISUSED | FORGED


def test_there_are_enough_hostile_tokens():
    assert len(HOSTILE) >= 40
    assert len(set(HOSTILE.values())) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("algorithm", VERIFIERS)
def test_a_hostile_token_is_refused(algorithm, name):
    assert refusal(VERIFIERS[algorithm], HOSTILE[name]) in {"invalid", "expired"}


@pytest.mark.parametrize("name", MISUSED)
def test_the_claims_are_what_is_wrong_with_it(name):
    """Without this check PyJWT or we accept the signature: the token is not refused for another reason."""
    header, _, _ = MISUSED[name].split(".")
    message, _, signature = MISUSED[name].rpartition(".")
    assert signature == encode(hmac.digest(SECRET.encode(), message.encode(), hashlib.sha256))
    assert json.loads(base64.urlsafe_b64decode(header + "==")).get("alg") == "HS256"


@pytest.mark.parametrize("name", [name for name in HOSTILE if "\n" not in HOSTILE[name]])
def test_the_service_answers_a_hostile_token_with_401(hostile_client, name):
    response = hostile_client.get("/api/model/info", headers=with_token(HOSTILE[name]))
    assert_error(response, 401, "authentication_error")
    assert "Bearer" in response.headers["WWW-Authenticate"]


@pytest.fixture
def hostile_client(build_app):
    return build_app(**TOKENS, AUTH_FAILURE_LIMIT="100000/second").test_client()


@settings(max_examples=300)
@given(parts=st.lists(st.binary(max_size=80), min_size=1, max_size=4))
def test_no_text_is_more_than_refused(parts):
    for verifier in VERIFIERS.values():
        assert refusal(verifier, ".".join(map(encode, parts))) == "invalid"


@settings(max_examples=300)
@given(body=st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
                         lambda inner: st.dictionaries(st.sampled_from(sorted(claims())), inner, max_size=6)
                         | st.lists(inner, max_size=3)))  # fmt: skip
def test_no_well_signed_body_is_more_than_refused(body):
    assert refusal(VERIFIERS["HS256"], signed({"alg": "HS256"}, body)) in {"invalid", "expired"}


@pytest.mark.parametrize("algorithm", VERIFIERS)
def test_a_good_token_is_accepted(algorithm):
    good = token(key=SIGNERS[algorithm], algorithm=algorithm, headers={"kid": "2026-11"})
    assert VERIFIERS[algorithm].verify(good) == Principal("jwt:alice", frozenset({"predict"}))


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("predict admin", {"predict", "admin"}),
        (["metrics"], {"metrics"}),
        ("openid predict email", {"predict"}),
        ("predictor", set()),
        ("", set()),
        (..., set()),
    ],
)
def test_scopes_are_words_of_the_claim(scope, scopes):
    assert VERIFIERS["HS256"].verify(token(scope=scope)).scopes == scopes


def test_the_claim_with_the_scopes_may_have_another_name(build_app):
    client = build_app(**TOKENS, JWT_SCOPE_CLAIM="permissions").test_client()
    allowed = client.get("/api/model/info", headers=with_token(token(permissions=["predict"], scope=...)))
    assert_error(allowed, 503, "model_error")
    assert_error(client.get("/api/model/info", headers=with_token(token())), 403, "permission_error")


def test_a_token_without_a_subject_has_no_id():
    assert VERIFIERS["HS256"].verify(token(sub=...)).id is None


def test_a_remembered_token_expires_to_the_second():
    now = time.time()
    verifier = make_verifier(clock=lambda: now)
    good = token(exp=int(now) + 60)
    assert verifier.verify(good) is verifier.verify(good)
    now = int(now) + 60
    assert refusal(verifier, good) == "expired"


def test_remembered_tokens_are_bounded():
    verifier = make_verifier()
    for number in range(CACHE_SIZE + 10):
        assert verifier.verify(token(sub=str(number))).id == f"jwt:{number}"
    assert len(verifier._verified) == 10


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", pem(EC)),
        ("ES256", pem(RSA)),
        ("ES256", pem(ec.generate_private_key(ec.SECP384R1()))),
        ("RS256", private_pem(RSA)),
        ("ES256", private_pem(EC)),
        ("RS256", pem(rsa.generate_private_key(public_exponent=65537, key_size=1024))),
        ("RS256", "not a key"),
        ("RS256", pem(RSA)[:100]),
    ],
    ids=["EC for RSA", "RSA for EC", "other curve", "private RSA", "private EC", "short", "no key", "cut"],
)
def test_a_key_that_does_not_fit_the_algorithm_stops_the_start(build_app, algorithm, key):
    public = {name: value for name, value in TOKENS.items() if name != "JWT_SECRET"}
    with pytest.raises(ConfigError, match=rf"JWT_PUBLIC_KEY=\*\*\*: JWT_ALGORITHM={algorithm}") as refused:
        build_app(**public, JWT_ALGORITHM=algorithm, JWT_PUBLIC_KEY=key)
    assert (key[30:60] or key) not in str(refused.value)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_public_key_may_be_in_a_file(build_app, tmp_path, algorithm):
    (tmp_path / "key.pem").write_text(pem(SIGNERS[algorithm]))
    public = {name: value for name, value in TOKENS.items() if name != "JWT_SECRET"}
    app = build_app(**public, JWT_ALGORITHM=algorithm, JWT_PUBLIC_KEY_FILE=tmp_path / "key.pem")
    headers = with_token(token(key=SIGNERS[algorithm], algorithm=algorithm))
    assert_error(app.test_client().get("/api/model/info", headers=headers), 503, "model_error")
