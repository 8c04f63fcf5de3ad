"""``flask models import --follow``: what an alias of an MLflow registry means is what serves."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import TYPE_CHECKING, Any

import click

from app.cli.import_options import ImportOptions
from app.cli.model_source import mlflow_request
from app.exceptions import ArtifactInvalid, UnsupportedModel, VersionNotFound, VersionRefused
from app.models.importing.isolation import import_apart
from app.models.importing.mlflow.model_uri import ModelUri
from app.models.importing.request import ImportRequest
from app.models.repository.store import ModelStore
from app.models.serving import operations
from app.models.serving.served_model import ServedModel
from app.models.serving.watcher import RepeatedPoll
from app.models.untrusted import ImportRefused

if TYPE_CHECKING:
    from app.models.importing.mlflow.model_registry import RegisteredVersion
    from app.models.importing.mlflow.tracking_server import TrackingServer

log = logging.getLogger(__name__)

FAILED = "following the registry failed"


def follow_alias(
    uri: Path | ModelUri, options: ImportOptions, served_model: ServedModel, *, interval: float
) -> None:
    """Follow an alias until SIGTERM or SIGINT; a failure is logged and does not end it.

    :param interval: seconds between two looks at the registry.
    :raises click.UsageError: for a model that cannot move, and a version name, which only one could have.
    :raises RegistryUnavailable: if the registry's address is missing or wrong.
    """
    if not isinstance(uri, ModelUri) or uri.version is not None:
        raise click.UsageError("--follow takes models:/name@alias, or models:/name for the latest version")
    if options.version is not None:
        raise click.UsageError("--follow names versions itself: leave out --version")
    from app.models.importing.mlflow.tracking_server import TrackingServer

    follower = AliasFollower(uri, TrackingServer.from_environment(), options, served_model)
    poll = RepeatedPoll(str(uri), follower.poll, failure=FAILED)
    with ended_by_signals():
        while True:
            poll()
            sleep(interval)


class AliasFollower:
    """Imports and activates the version that an alias means, once for each move of the alias.

    A version that is refused is not tried again before the alias moves; an operator's rollback lasts as long.
    """

    def __init__(
        self,
        uri: ModelUri,
        server: "TrackingServer",
        options: ImportOptions,
        served_model: ServedModel,
        *,
        importing: Callable[[ImportRequest], str] = import_apart,
    ) -> None:
        self._uri, self._server, self._options = uri, server, options
        self._served_model, self._importing = served_model, importing
        self._settled: str | None = None

    def poll(self) -> None:
        """Look once at the registry, and follow it.

        :raises ServiceError: if that fails; what serves goes on.
        """
        from app.models.importing.mlflow.model_registry import resolve

        found = resolve(self._server, self._uri)
        if found.version == self._settled:
            return
        about = {"followed": str(self._uri), "registered_version": found.version}
        try:
            version = self._stored(found) or self._import(found)
            if self._served_model.store.active() != version:
                operations.activate(self._served_model, version, swap_in=False)
        except (UnsupportedModel, VersionRefused) as error:
            self._settled = found.version
            log.error("a registered version is refused", extra=about | {"reason": error.message})
            return
        self._settled = found.version
        log.info("a registered version is active", extra=about | {"version": version})

    def _stored(self, found: "RegisteredVersion") -> str | None:
        """The version that was imported from it before, such as one that the alias moves back to."""
        store, origin = self._served_model.store, found.origin
        return next(
            (each for each in store.versions() if origin.items() <= _mlflow(store, each).items()), None
        )

    def _import(self, found: "RegisteredVersion") -> str:
        from app.models.importing.mlflow.model_registry import RegistryFiles

        with TemporaryDirectory(prefix="mlflow-model-") as folder:
            files = RegistryFiles(self._server, found, Path(folder))
            try:
                request = mlflow_request(files, self._options, self._served_model.store.root)
            except click.ClickException as error:
                raise ImportRefused(error.message) from None
            return self._importing(request)


def _mlflow(store: ModelStore, version: str) -> dict[str, Any]:
    """What a version's metadata records of MLflow."""
    with suppress(ArtifactInvalid, VersionNotFound):
        found = store.metadata(version).get("mlflow")
        return found if isinstance(found, dict) else {}
    return {}


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End the process with status 0 on SIGTERM and SIGINT, cleaning up what is under way."""

    def end(number: int, frame: Any) -> None:
        raise SystemExit(0)

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
