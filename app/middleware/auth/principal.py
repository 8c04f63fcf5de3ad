"""The authenticated principal of a request: its id, scopes and rate limit."""

from dataclasses import dataclass

from app.settings.rate_limits import Limit
from config import SCOPES


@dataclass(frozen=True, slots=True)
class Principal:
    """Sender of the request, as ``g.principal``.

    :param id: the id of the key, or ``jwt:`` and the token's subject; None without either.
    :param scopes: what the principal may do: some of `config.SCOPES`.
    :param rate_limit: the principal's own limit, instead of ``RATE_LIMIT``.
    """

    id: str | None
    scopes: frozenset[str]
    rate_limit: Limit | None = None


ANONYMOUS = Principal(None, frozenset())  # of a route that needs no key, and of a rejected request
EVERYBODY = Principal(None, frozenset(SCOPES))  # of every request where authentication is off


class InvalidCredential(Exception):
    """A key or token was rejected; ``reason`` is ``invalid``, ``expired`` or ``revoked``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
