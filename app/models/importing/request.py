"""An import request, as it passes between processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.models.loading.original import VersionPolicy


@dataclass(frozen=True)
class ImportRequest:
    """The store, the files and the options of an import; all paths are absolute.

    ``trust``: read a pickle. ``types``: names of types that a skops file may hold. ``code``:
    files of modules that the model needs. ``mlmodel``: the ``MLmodel`` file of a model from MLflow, whose
    sample may be its input example, a ``.json`` file; ``origin``: where it came from.
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
    code: tuple[Path, ...] = ()
    policy: VersionPolicy = "refuse"
    mlmodel: Path | None = None
    origin: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files to read."""
        single = (self.model, self.scaler, self.onnx, self.sample, self.mlmodel)
        return (*(each for each in single if each is not None), *self.code)

    def to_dict(self) -> dict[str, Any]:
        own = vars(self) | {"code": list(map(str, self.code)), "origin": dict(self.origin)}
        return {name: str(value) if isinstance(value, Path) else value for name, value in own.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ImportRequest":
        paths = ("root", "model", "sample", "scaler", "onnx", "mlmodel")
        given = {name: Path(data[name]) for name in paths if data[name] is not None}
        lists = {"types": tuple(data["types"]), "code": tuple(map(Path, data["code"]))}
        return cls(**{**data, **given, **lists})
