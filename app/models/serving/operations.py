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
from app.models.loading import loader
from app.models.loading.loader import LoadedVersion
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.registry import DEFAULT, ModelRegistry
from app.models.serving.served_model import ServedModel

# A worker looks for a change twice a second and then loads; scikit-learn alone takes 1.5 s to import.
PATIENCE = 10.0


def overview(served_model: ServedModel) -> list[dict[str, Any]]:
    """One summary per version, newest first."""
    found = []
    for version in served_model.store.versions():
        with suppress(VersionNotFound):  # removed in the meantime
            found.append(summary(served_model, version))
    return found


def readiness(registry: ModelRegistry) -> list[dict[str, Any]]:
    """Whether each model can predict here, the default one first, and what was refused in any worker."""
    return [_readiness(name, registry[name]) for name in (DEFAULT, *registry.names())]


def _readiness(name: str, served_model: ServedModel) -> dict[str, Any]:
    serving = served_model.model.version if served_model.loaded else None
    found = {
        "name": name,
        "ready": served_model.loaded,
        "version": serving,
        "active": served_model.store.active(),
    }
    refused = _refused(served_model)
    return found | ({"refused": refused} if refused else {})


def _refused(served_model: ServedModel) -> dict[str, str]:
    """Versions that failed a check in at least one worker, and why."""
    refused: dict[str, str] = {}
    for report in served_model.workers.living():
        refused |= report["refused"]
    return refused | served_model.refused


def summary(served_model: ServedModel, version: str) -> dict[str, Any]:
    """A version's metrics, size in bytes, engine and state.

    ``state`` is ``active``, ``challenger``, ``available``, or ``refused`` with the ``reason``; ``workers`` is
    how many serve it, or follow the routing that it is part of.

    :raises VersionNotFound: if there is no such version.
    """
    reports, refused = served_model.workers.living(), _refused(served_model)
    routing = served_model.store.routing.current()
    state, workers = "available", sum(report["version"] == version for report in reports)
    if served_model.store.active() == version:
        state = "active"
    elif routing is not None and version in routing.shares:
        state, workers = "challenger", sum(report.get("routing") == routing.id for report in reports)
    found: dict[str, Any] = {"version": version, "state": state, "workers": workers}
    if version in refused:
        found |= {"state": "refused", "reason": refused[version]}
    try:
        metadata = served_model.store.metadata(version)
        signed, size = served_model.store.signature(version) is not None, served_model.store.size(version)
    except (ArtifactInvalid, StoreUnreadable) as error:
        return found | {"state": "refused", "reason": error.message}
    shown = {key: metadata.get(key) for key in ("saved_at", "model_type", "engine", "metrics", "n_features")}
    return found | shown | {"size": size, "signed": signed}


def verify(served_model: ServedModel, version: str) -> dict[str, Any]:
    """Let a version through the gate, load it, replay its golden rows; it does not serve.

    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check.
    """
    with _refusals():
        model = loader.load(served_model.store, version, served_model.options)
    return {"version": version, "verified": True, "engine": model.engine.name}


def activate(served_model: ServedModel, version: str, *, wait: bool = False) -> dict[str, Any]:
    """Verify a version and make it the one that serves: here at once, in other workers within 2 seconds.

    :param wait: return only when all workers serve it.
    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if some do not after 10 seconds.
    """
    with _refusals():
        served_model.store.raw_metadata(version)  # a name that was mistyped is no version that was refused
        model = served_model.prepare(version)
    served_model.store.activate(version)
    served_model.serve(model)
    return settled(served_model, version, wait=wait)


def roll_back(served_model: ServedModel, *, wait: bool = False) -> dict[str, Any]:
    """Serve the version that served before the active one.

    :raises NothingToRollBack: if there is none left.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if ``wait`` and some do not serve it after 10 seconds.
    """
    prepared: list[LoadedVersion] = []
    with _refusals():
        version = served_model.store.roll_back(
            accept=lambda name: prepared.append(served_model.prepare(name))
        )
    served_model.serve(prepared[0])
    return settled(served_model, version, wait=wait)


@contextmanager
def _refusals() -> Iterator[None]:
    """For an operator a version that fails a check is a conflict, not a service without a model."""
    try:
        yield
    except ArtifactInvalid as error:
        raise VersionRefused(error.version, error.reason) from error


def route(served_model: ServedModel, routing: TrafficSplit | None, *, wait: bool = False) -> dict[str, Any]:
    """Verify the versions of a routing and follow it: here at once, in other workers within 2 seconds.

    :param routing: None to send everybody to the active version.
    :param wait: return only when all workers follow it.
    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if one fails a check; the routing before stays.
    :raises NotAllWorkersServe: if some do not follow after 10 seconds.
    """
    for version in routing.shares if routing else ():
        verify(served_model, version)
    served_model.store.route(routing)
    served_model.traffic_router.poll()
    wanted, end = routing.id if routing else None, monotonic() + PATIENCE
    while wait and not all(report.get("routing") == wanted for report in served_model.workers.living()):
        if monotonic() > end:
            raise NotAllWorkersServe(", ".join(routing.shares if routing else ()))
        sleep(0.05)
    following = sum(report.get("routing") == wanted for report in served_model.workers.living())
    return served_model.store.routing.document() | {"workers": following}


def prune(served_model: ServedModel, *, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` versions, those in use and the one that a rollback would go back to.

    Returns the names of those removed.
    """
    removed, versions = [], served_model.store.versions()
    earlier = [version for version in served_model.store.activation.previous() if version in versions]
    kept = {served_model.store.active(), *earlier[:1]}
    for version in versions[keep:]:
        if version not in kept and not served_model.store.routing.uses(version):
            served_model.store.remove(version)
            removed.append(version)
    return removed


def settled(served_model: ServedModel, version: str, *, wait: bool) -> dict[str, Any]:
    """How many workers serve the active version, once all of them do if ``wait``.

    :raises NotAllWorkersServe: if some do not after 10 seconds.
    """
    end = monotonic() + PATIENCE
    while wait and any(report["version"] != version for report in served_model.workers.living()):
        if monotonic() > end:
            raise NotAllWorkersServe(version)
        sleep(0.05)
    serving = sum(report["version"] == version for report in served_model.workers.living())
    return {"version": version, "state": "active", "workers": serving}
