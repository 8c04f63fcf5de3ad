"""Authenticates an API key (``X-API-Key``) or a token (``Authorization: Bearer``), and checks its scopes."""

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Config, Flask, g, request

from app.exceptions import AuthenticationRequired, PermissionMissing
from app.middleware.auth.api_keys import ApiKeyVerifier
from app.middleware.auth.failed_attempts import FailureLimit
from app.middleware.auth.key_file import KeyFileInvalid
from app.middleware.auth.open_metrics import METRICS_ENDPOINT, open_without_key
from app.middleware.auth.principal import ANONYMOUS, EVERYBODY, InvalidCredential, Principal
from app.middleware.auth.tokens import TokenVerifier, verification_key
from app.middleware.route_table import ADMIN, OPEN, ROUTE_TABLE, Scope
from config import ConfigError

log = logging.getLogger(__name__)

BEARER = "Bearer "
MESSAGES = {
    "missing": "A key or token is required",
    "invalid": "The key or token is not valid",
    "expired": "The key or token has expired",
    "revoked": "The key has been revoked",
    "ambiguous": "Send either a key or a token, not both",
}


def init_app(app: Flask) -> None:
    """Set ``g.principal`` before each request, or reject the request."""
    settings = app.config
    if not settings["AUTH_REQUIRED"]:
        app.before_request(admit_everybody)
        return
    authenticator = Authenticator(
        keys=api_key_verifier(settings),
        tokens=token_verifier(settings),
        failures=FailureLimit(settings["AUTH_FAILURE_LIMIT"]),
        scopes=app.extensions[ROUTE_TABLE].scopes,
    )
    # The keys of the environment leave the configuration: from here on there are only their hashes.
    settings["API_KEYS"] = dict.fromkeys(settings["API_KEYS"], "***")
    app.before_request(authenticator.authenticate)


def admit_everybody() -> None:
    """Let every request do everything: authentication is off."""
    g.principal = EVERYBODY


class Authenticator:
    """Authenticates requests, and checks that their principal has the scope of the route."""

    def __init__(
        self,
        *,
        keys: ApiKeyVerifier | None,
        tokens: TokenVerifier | None,
        failures: FailureLimit,
        scopes: Mapping[str, Scope],
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._failures = failures
        self._scopes = scopes
        schemes = [name for name, verifier in (("ApiKey", keys), ("Bearer", tokens)) if verifier is not None]
        self._challenge = ", ".join(f'{scheme} realm="api"' for scheme in schemes)

    def authenticate(self) -> None:
        """Set ``g.principal``.

        :raises AuthenticationRequired: without a valid key or token.
        :raises PermissionMissing: without the scope.
        :raises RateLimitExceeded: instead of that, after too many failures of this address.
        """
        asked = request._get_current_object()  # type: ignore[attr-defined] # a LocalProxy
        context = g._get_current_object()
        context.principal = ANONYMOUS
        rule = asked.url_rule
        if rule is None:  # 404 and 405 are the same for everybody
            return
        scope = self._scopes.get(rule.endpoint, ADMIN)
        preflight = asked.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False)
        if scope is OPEN or preflight or (rule.endpoint == METRICS_ENDPOINT and open_without_key()):
            return
        context.principal = principal = self._identify(asked.environ)
        if scope not in principal.scopes:
            raise PermissionMissing(scope)

    def _identify(self, environ: Mapping[str, Any]) -> Principal:
        key, authorization = environ.get("HTTP_X_API_KEY", ""), environ.get("HTTP_AUTHORIZATION", "")
        bearer = authorization[: len(BEARER)].title() == BEARER
        if not key and not bearer:
            raise self._rejection("missing")
        verifier: ApiKeyVerifier | TokenVerifier | None = self._tokens if bearer else self._keys
        try:
            if key and bearer:
                raise InvalidCredential("ambiguous")
            if verifier is None:
                raise InvalidCredential("invalid")
            return verifier.verify(authorization[len(BEARER) :].strip() if bearer else key)
        except InvalidCredential as error:
            self._failures.count(environ.get("REMOTE_ADDR", ""))
            raise self._rejection(error.reason) from None

    def _rejection(self, reason: str) -> AuthenticationRequired:
        return AuthenticationRequired(MESSAGES[reason], reason=reason, challenge=self._challenge)


def api_key_verifier(settings: Config) -> ApiKeyVerifier | None:
    """The verifier of API keys, or None where there can be no key.

    :raises ConfigError: if ``API_KEYS_FILE`` cannot be read.
    """
    path = settings["API_KEYS_FILE"]
    if not settings["API_KEYS"] and not path:
        return None
    try:
        verifier = ApiKeyVerifier(
            # Keys of the environment are hashed anew at each start and do without a pepper in the settings.
            pepper=settings["API_KEY_PEPPER"] or secrets.token_hex(),
            environment=settings["API_KEYS"],
            scopes=settings["API_KEY_SCOPES"],
            path=path,
        )
    except (OSError, KeyFileInvalid) as error:
        raise ConfigError(f"API_KEYS_FILE={str(path)!r}: {error}") from None
    if not verifier:
        log.warning("there is no API key yet: make one with flask keys create")
    return verifier


def token_verifier(settings: Config) -> TokenVerifier | None:
    """The verifier of tokens, or None where no token is accepted.

    :raises ConfigError: if ``JWT_PUBLIC_KEY`` is not a key for ``JWT_ALGORITHM``.
    """
    if not settings["JWT_ISSUER"]:
        return None
    algorithm = settings["JWT_ALGORITHM"]
    return TokenVerifier(
        algorithm=algorithm,
        key=verification_key(algorithm, secret=settings["JWT_SECRET"], public_key=settings["JWT_PUBLIC_KEY"]),
        audience=settings["JWT_AUDIENCE"],
        issuer=settings["JWT_ISSUER"],
        scope_claim=settings["JWT_SCOPE_CLAIM"],
    )
