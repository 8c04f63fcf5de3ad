"""Models of an MLflow registry: from ``models:/name@alias`` to the files of a version."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.models.importing.mlflow.model_files import MAX_FILE, checked_path
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.mlflow.tracking_server import RegistryUnavailable, TrackingServer
from app.models.untrusted import ImportRefused

PROXIED = "mlflow-artifacts"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version in the registry."""

    name: str
    version: str
    source: str
    run_id: str

    @property
    def origin(self) -> dict[str, str]:
        """The metadata of what is imported from it."""
        registered = {"registered_model": self.name, "registered_version": self.version}
        return registered | {"source": self.source} | ({"run_id": self.run_id} if self.run_id else {})


def resolve(server: TrackingServer, uri: ModelUri) -> RegisteredVersion:
    """The version that is meant at this moment.

    :raises RegistryUnavailable: if the registry has none, or it is not ready.
    """
    if uri.alias is not None:
        found = server.get("mlflow/registered-models/alias", name=uri.name, alias=uri.alias)
    else:
        version = uri.version or _latest(server, uri)
        found = server.get("mlflow/model-versions/get", name=uri.name, version=version)
    about: dict[str, Any] = found.get("model_version") or {}
    status, number = about.get("status", "READY"), str(about.get("version", ""))
    if not number.isdigit() or status != "READY":
        raise RegistryUnavailable(f"{uri} is not ready in the registry: {status}")
    return RegisteredVersion(uri.name, number, str(about.get("source", "")), str(about.get("run_id", "")))


def _latest(server: TrackingServer, uri: ModelUri) -> str:
    """The highest number: the registry lists the latest version of each stage."""
    model = server.get("mlflow/registered-models/get", name=uri.name).get("registered_model") or {}
    numbers = [int(each["version"]) for each in model.get("latest_versions", ())]
    if not numbers:
        raise RegistryUnavailable(f"{uri} has no version in the registry")
    return str(max(numbers))


class RegistryFiles:
    """The files of a registered version, by the server's own way to artifacts."""

    def __init__(self, server: TrackingServer, version: RegisteredVersion, folder: Path) -> None:
        """:param folder: where the files go that are asked for.

        :raises ImportRefused: if they lie where the server does not pass them on.
        """
        self.origin = version.origin
        self._server, self._folder = server, folder
        about = {"name": version.name, "version": version.version}
        uri = str(server.get("mlflow/model-versions/get-download-uri", **about).get("artifact_uri", ""))
        parts = urlsplit(uri)
        if parts.scheme != PROXIED or parts.netloc:
            raise ImportRefused(
                f"the files are at {uri[:200]}, which the MLflow server does not pass on (--serve-artifacts):"
                " download them with mlflow artifacts download, and import the folder"
            )
        self._root = checked_path(parts.path.lstrip("/"))

    def fetch(self, name: str, *, limit: int = MAX_FILE) -> Path:
        """See `ModelFiles.fetch`.

        :raises RegistryUnavailable: if it does not come.
        """
        path = checked_path(name)
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._server.download(f"mlflow-artifacts/artifacts/{self._root / path}", target, limit=limit)
        return target
