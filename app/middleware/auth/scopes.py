"""Which scope each route needs."""

from collections.abc import Mapping

PREDICT, ADMIN, METRICS = "predict", "admin", "metrics"
OPEN = None

# By blueprint, or by endpoint where one differs from its blueprint.
ROUTE_SCOPES: dict[str, str | None] = {
    "health": OPEN,
    "predictions": PREDICT,
    "sagemaker": PREDICT,
    "sagemaker.ping": OPEN,
    "model_info": PREDICT,
    "models": ADMIN,
    "named_predictions": PREDICT,
    "stats": METRICS,
    "metrics": METRICS,
}


def declare(scopes: Mapping[str, str | None]) -> None:
    """Add the routes of a blueprint from elsewhere to the table, by its name or by endpoint.

    :raises ValueError: if one of them stands there with another scope.
    """
    for endpoint, scope in scopes.items():
        if ROUTE_SCOPES.setdefault(endpoint, scope) != scope:
            raise ValueError(f"the scope of {endpoint!r} is declared already")


def declared(endpoint: str) -> bool:
    """Whether the route's scope stands in the table."""
    return endpoint in ROUTE_SCOPES or endpoint.rpartition(".")[0] in ROUTE_SCOPES


def scope_of(endpoint: str) -> str | None:
    """The scope a route needs, or `OPEN`; a route that was forgotten in the table needs `ADMIN`."""
    return ROUTE_SCOPES.get(endpoint, ROUTE_SCOPES.get(endpoint.rpartition(".")[0], ADMIN))
