"""HTTP in, HTTP out: one blueprint per subject."""

from collections.abc import Sequence

from flask import Flask

from app.api import dialects, errors, health, metrics, model_info, models, predictions, stats
from app.middleware.route_table import ADMIN, METRICS, OPEN, PREDICT, ROUTE_TABLE, Routes, RouteTable

ROUTES = (
    Routes(health.bp, OPEN, "exempt"),
    Routes(predictions.bp, PREDICT, "requests"),
    Routes(model_info.bp, PREDICT, "requests"),
    Routes(models.bp, ADMIN, "admin"),
    Routes(stats.bp, METRICS, "requests"),
    Routes(metrics.bp, METRICS, "requests"),
)

# Blueprints of the dialect ``native``, the service's own.
NATIVE = (predictions.bp, model_info.bp)


def init_app(app: Flask, added: Sequence[Routes] = ()) -> None:
    """Error rendering and the routes, with those that were ``added``.

    :raises ValueError: if two rows have the same blueprint, or one overrides a view that does not exist.
    """
    errors.init_app(app)
    app.url_map.merge_slashes = False  # /api//predict is no address, and no redirect to one
    own = [row for row in ROUTES if row.blueprint not in NATIVE or "native" in app.config["DIALECTS"]]
    rows = (*own, *added, *dialects.routes(app))
    for row in rows:
        app.register_blueprint(row.blueprint)
    app.extensions[ROUTE_TABLE] = RouteTable(rows, app.url_map)
