"""Pages: what do people look at? The console, the OpenAPI document and Swagger UI."""

from collections.abc import Mapping
from typing import Any

from app.middleware.route_table import Routes


def routes(settings: Mapping[str, Any]) -> list[Routes]:
    """Rows of the route table; pages for browsers only where ``CONSOLE`` is on."""
    return []
