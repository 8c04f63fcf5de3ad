"""docker-compose.yml as ``docker compose`` reads it where no variable is set."""

import re
from typing import Any

import yaml

from tests.settings import ROOT

VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::-([^}]*))?\}")
TEXT = (ROOT / "docker-compose.yml").read_text()


def document() -> dict[str, Any]:
    """The whole file."""
    found: dict[str, Any] = yaml.safe_load(VARIABLE.sub(r"\2", TEXT))
    return found


def services() -> dict[str, Any]:
    """Its services by name."""
    found: dict[str, Any] = document()["services"]
    return found


def variables() -> set[str]:
    """The names of the variables that it asks for."""
    return {found[1] for found in VARIABLE.finditer(TEXT)}
