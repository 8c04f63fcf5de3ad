"""Route table of one app: the scope that a route needs, and the limit that its requests count towards."""

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from flask import Blueprint
from werkzeug.routing import Map

ROUTE_TABLE = "route_table"  # its key in ``app.extensions``

PREDICT: Final = "predict"
ADMIN: Final = "admin"
METRICS: Final = "metrics"
OPEN: Final = None  # needs no key
Scope = Literal["predict", "admin", "metrics"] | None

# ``requests`` count towards RATE_LIMIT, ``admin`` towards RATE_LIMIT_ADMIN; ``exempt`` towards neither, nor
# towards MAX_IN_FLIGHT: probes come often, and from one client IP for the whole installation.
LimitClass = Literal["requests", "admin", "exempt"]


class Routes(NamedTuple):
    """A blueprint, the scope that its routes need, and their limit class.

    ``overrides``: scope and limit class by view name, of views that differ from their blueprint.
    ``exempt``: paths of routes with variables that count towards no limit, such as a page's own files.
    """

    blueprint: Blueprint
    scope: Scope
    limit: LimitClass
    overrides: Mapping[str, tuple[Scope, LimitClass]] = MappingProxyType({})
    exempt: Collection[str] = ()


class RouteTable:
    """The rows of one app, as its middleware asks for them.

    Scopes go by endpoint; one that is missing in ``scopes`` needs `ADMIN`. Limit classes go by path, so that
    paths without a route count too; ``exempt`` holds those of routes without variables, and those that rows
    list. ``limits`` has what the rows say, by endpoint.

    :param url_map: in which the blueprints of all ``rows`` are registered.
    :raises ValueError: if a row overrides a view that its blueprint does not have.
    """

    def __init__(self, rows: Iterable[Routes], url_map: Map) -> None:
        self.scopes: dict[str, Scope] = {}
        self.limits: dict[str, LimitClass] = {}
        limits = self.limits
        listed: set[str] = set()
        for row in rows:
            listed.update(row.exempt)
            prefix, overrides = f"{row.blueprint.name}.", dict(row.overrides)
            for endpoint in {rule.endpoint for rule in url_map.iter_rules()}:
                if endpoint.startswith(prefix):
                    own = overrides.pop(endpoint.removeprefix(prefix), (row.scope, row.limit))
                    self.scopes[endpoint], limits[endpoint] = own
            if overrides:
                raise ValueError(f"blueprint {row.blueprint.name!r} has no view {', '.join(overrides)}")
        rules = reversed(list(url_map.iter_rules()))  # of two with one path the first answers
        paths = {rule.rule: limits.get(rule.endpoint) for rule in rules}
        self.exempt = frozenset(
            path for path, limit in paths.items() if limit == "exempt" and "<" not in path
        ).union(listed)
        # Up to the first variable, so that paths below that no route has are included.
        self._admin = tuple(path.partition("<")[0] for path, limit in paths.items() if limit == "admin")
        others = (path for path, limit in paths.items() if limit != "admin" and path.startswith(self._admin))
        self._others = re.compile("|".join(re.sub("<[^>]*>", "[^/]+", re.escape(path)) for path in others))

    def is_administrative(self, path: str) -> bool:
        """Whether a request for this decoded path may be an operator's: below an ``admin`` route, and of no
        other class."""
        path = f"/{path.lstrip('/')}"
        return path.startswith(self._admin) and not self._others.fullmatch(path)
