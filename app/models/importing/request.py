"""An import request, as it passes between processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.models.loading.original import VersionPolicy


@dataclass(frozen=True)
class ImportRequest:
    """The store, the files and the options of an import; all paths are absolute.

    ``trust``: read a pickle. ``types``: names of types that a skops file may hold.
    """

    root: Path
    model: Path
    sample: Path | None = None
    scaler: Path | None = None
    onnx: Path | None = None
    target: str | None = None
    version: str | None = None
    trust: bool = False
    types: tuple[str, ...] = ()
    policy: VersionPolicy = "refuse"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files to read."""
        return tuple(each for each in (self.model, self.scaler, self.onnx, self.sample) if each is not None)

    def to_dict(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, Path) else value for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ImportRequest":
        paths = ("root", "model", "sample", "scaler", "onnx")
        given = {name: Path(data[name]) for name in paths if data[name] is not None}
        return cls(**{**data, **given, "types": tuple(data["types"])})
