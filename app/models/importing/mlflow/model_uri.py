"""``models:/name@alias``: how MLflow writes which version of a registered model is meant."""

import re
from dataclasses import dataclass

SCHEME = "models:/"
FORM = re.compile(r"models:/(?P<name>[^/@:]+)(@(?P<alias>[^/@:]+)|/(?P<version>\d+|latest))?")


@dataclass(frozen=True)
class ModelUri:
    """Which version of a registered model: the one of an alias, one by its number, or the latest."""

    name: str
    alias: str | None = None
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ModelUri":
        """:raises ValueError: for any other form."""
        found = FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r}: expected models:/name@alias, models:/name/3 or models:/name")
        version = found["version"]
        return cls(found["name"], found["alias"], None if version == "latest" else version)

    def __str__(self) -> str:
        if self.alias is not None:
            return f"{SCHEME}{self.name}@{self.alias}"
        return f"{SCHEME}{self.name}" if self.version is None else f"{SCHEME}{self.name}/{self.version}"
