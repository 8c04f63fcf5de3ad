"""Who is asking."""

from dataclasses import dataclass

from config import SCOPES


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever sent the request, as ``g.principal``.

    :param id: the id of the key, or ``jwt:`` and the token's subject; None for one who is not known.
    :param scopes: what the caller may do: some of `config.SCOPES`.
    :param rate_limit: the caller's own limit, as in ``RATE_LIMIT``, or None.
    """

    id: str | None
    scopes: frozenset[str]
    rate_limit: str | None = None


# Has shown nothing, on a route that asks for nothing or while it is being refused.
ANONYMOUS = Principal(None, frozenset())
# Anybody, where authentication is off.
EVERYBODY = Principal(None, frozenset(SCOPES))


class InvalidCredential(Exception):
    """A key or token was refused; ``reason`` is ``invalid``, ``expired`` or ``revoked``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
