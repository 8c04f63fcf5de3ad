"""Pages: what do people look at? The console, the OpenAPI document and Swagger UI."""

from collections.abc import Mapping
from typing import Any

from app.middleware.route_table import OPEN, PREDICT, Routes
from app.pages import api_docs, assets, home, openapi_document


def routes(settings: Mapping[str, Any]) -> list[Routes]:
    """Rows of the route table; pages for browsers only where ``CONSOLE`` is on."""
    rows = [Routes(home.bp, OPEN, "exempt"), Routes(openapi_document.bp, PREDICT, "requests")]
    if settings["CONSOLE"]:
        rows += [
            Routes(api_docs.bp, OPEN, "requests"),
            Routes(assets.bp, OPEN, "requests", exempt=assets.paths()),
        ]
    return rows
