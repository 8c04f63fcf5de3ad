"""What operators do with versions: look at them, verify, activate, roll back, remove."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any

from app.exceptions import (
    ArtifactInvalid,
    NotAllWorkersServe,
    StoreUnreadable,
    VersionNotFound,
    VersionRefused,
)
from app.models import loading
from app.models.loading import LoadedModel
from app.models.routing import Routing
from app.models.service import ModelService
from app.models.services import DEFAULT, ModelServices

# A worker looks for a change twice a second and then loads; scikit-learn alone takes 1.5 s to import.
PATIENCE = 10.0


def overview(service: ModelService) -> list[dict[str, Any]]:
    """One summary per version, newest first."""
    found = []
    for version in service.store.versions():
        with suppress(VersionNotFound):  # removed in the meantime
            found.append(summary(service, version))
    return found


def readiness(services: ModelServices) -> list[dict[str, Any]]:
    """Whether each model can predict here, the default one first, and what was refused in any worker."""
    return [_readiness(name, services[name]) for name in (DEFAULT, *services.names())]


def _readiness(name: str, service: ModelService) -> dict[str, Any]:
    serving = service.model.version if service.loaded else None
    found = {"name": name, "ready": service.loaded, "version": serving, "active": service.store.active()}
    refused = _refused(service)
    return found | ({"refused": refused} if refused else {})


def _refused(service: ModelService) -> dict[str, str]:
    """Versions that failed a check in at least one worker, and why."""
    refused: dict[str, str] = {}
    for report in service.workers.living():
        refused |= report["refused"]
    return refused | service.refused


def summary(service: ModelService, version: str) -> dict[str, Any]:
    """A version's metrics, size in bytes, engine and state.

    ``state`` is ``active``, ``challenger``, ``available``, or ``refused`` with the ``reason``; ``workers`` is
    how many serve it, or follow the routing that it is part of.

    :raises VersionNotFound: if there is no such version.
    """
    reports, refused = service.workers.living(), _refused(service)
    routing = service.store.routing.current()
    state, workers = "available", sum(report["version"] == version for report in reports)
    if service.store.active() == version:
        state = "active"
    elif routing is not None and version in routing.shares:
        state, workers = "challenger", sum(report.get("routing") == routing.id for report in reports)
    found: dict[str, Any] = {"version": version, "state": state, "workers": workers}
    if version in refused:
        found |= {"state": "refused", "reason": refused[version]}
    try:
        metadata = service.store.metadata(version)
        signed, size = service.store.signature(version) is not None, service.store.size(version)
    except (ArtifactInvalid, StoreUnreadable) as error:
        return found | {"state": "refused", "reason": error.message}
    shown = {key: metadata.get(key) for key in ("saved_at", "model_type", "engine", "metrics", "n_features")}
    return found | shown | {"size": size, "signed": signed}


def verify(service: ModelService, version: str) -> dict[str, Any]:
    """Let a version through the gate, load it, replay its golden rows; it does not serve.

    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check.
    """
    with _refusals():
        model = loading.load(service.store, version, service.options)
    return {"version": version, "verified": True, "engine": model.engine.name}


def activate(service: ModelService, version: str, *, wait: bool = False) -> dict[str, Any]:
    """Verify a version and make it the one that serves: here at once, in other workers within 2 seconds.

    :param wait: return only when all workers serve it.
    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if some do not after 10 seconds.
    """
    with _refusals():
        service.store.raw_metadata(version)  # a name that was mistyped is no version that was refused
        model = service.prepare(version)
    service.store.activate(version)
    service.serve(model)
    return settled(service, version, wait=wait)


def roll_back(service: ModelService, *, wait: bool = False) -> dict[str, Any]:
    """Serve the version that served before the active one.

    :raises NothingToRollBack: if there is none left.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if ``wait`` and some do not serve it after 10 seconds.
    """
    prepared: list[LoadedModel] = []
    with _refusals():
        version = service.store.roll_back(accept=lambda name: prepared.append(service.prepare(name)))
    service.serve(prepared[0])
    return settled(service, version, wait=wait)


@contextmanager
def _refusals() -> Iterator[None]:
    """For an operator a version that fails a check is a conflict, not a service without a model."""
    try:
        yield
    except ArtifactInvalid as error:
        raise VersionRefused(error.version, error.reason) from error


def route(service: ModelService, routing: Routing | None, *, wait: bool = False) -> dict[str, Any]:
    """Verify the versions of a routing and follow it: here at once, in other workers within 2 seconds.

    :param routing: None to send everybody to the active version.
    :param wait: return only when all workers follow it.
    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if one fails a check; the routing before stays.
    :raises NotAllWorkersServe: if some do not follow after 10 seconds.
    """
    for version in routing.shares if routing else ():
        verify(service, version)
    service.store.route(routing)
    service.routes.look()
    wanted, end = routing.id if routing else None, monotonic() + PATIENCE
    while wait and not all(report.get("routing") == wanted for report in service.workers.living()):
        if monotonic() > end:
            raise NotAllWorkersServe(", ".join(routing.shares if routing else ()))
        sleep(0.05)
    following = sum(report.get("routing") == wanted for report in service.workers.living())
    return service.store.routing.document() | {"workers": following}


def prune(service: ModelService, *, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` versions, those in use and the one that a rollback would go back to.

    Returns the names of those removed.
    """
    removed, versions = [], service.store.versions()
    earlier = [version for version in service.store.activation.previous() if version in versions]
    kept = {service.store.active(), *earlier[:1]}
    for version in versions[keep:]:
        if version not in kept and not service.store.routing.uses(version):
            service.store.remove(version)
            removed.append(version)
    return removed


def settled(service: ModelService, version: str, *, wait: bool) -> dict[str, Any]:
    """How many workers serve the active version, once all of them do if ``wait``.

    :raises NotAllWorkersServe: if some do not after 10 seconds.
    """
    end = monotonic() + PATIENCE
    while wait and any(report["version"] != version for report in service.workers.living()):
        if monotonic() > end:
            raise NotAllWorkersServe(version)
        sleep(0.05)
    serving = sum(report["version"] == version for report in service.workers.living())
    return {"version": version, "state": "active", "workers": serving}
