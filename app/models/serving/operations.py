"""Control plane: activate, roll back, verify, split traffic, remove; HTTP, commands and training call it."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from app.exceptions import ArtifactInvalid, NotAllWorkersServe, VersionRefused
from app.models.loading import loader
from app.models.loading.loader import LoadedVersion
from app.models.repository.traffic_split import TrafficSplit
from app.models.serving.served_model import ServedModel

# Seconds: a worker polls twice a second and then loads; scikit-learn alone takes 1.5 s to import.
PATIENCE = 10.0


def verify(served_model: ServedModel, version: str) -> dict[str, Any]:
    """Let a version through all checks of loading; nothing changes.

    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check.
    """
    with _rejections():
        model = loader.load(served_model.store, version, served_model.options)
    return {"version": version, "verified": True, "engine": model.engine.name}


def load(served_model: ServedModel) -> LoadedVersion:
    """Serve a model's active version, or else its newest, in this process.

    :raises ModelNotLoaded: if it has none.
    :raises VersionRefused: if it fails a check.
    """
    with _rejections():
        return served_model.load()


def activate(
    served_model: ServedModel, version: str, *, swap_in: bool = True, wait: bool = False
) -> dict[str, Any]:
    """Verify a version and make it the one that serves: here at once, in other workers within 2 seconds.

    :param swap_in: False where this process goes on with what it serves.
    :param wait: return only when all workers serve it.
    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if some do not after 10 seconds.
    """
    with _rejections():
        served_model.store.raw_metadata(version)  # a mistyped name is no version that was rejected
        model = served_model.load_version(version)
    served_model.store.activate(version)
    if swap_in:
        served_model.swap_in(model)
    return _settled(served_model, version, wait=wait)


def roll_back(served_model: ServedModel, *, wait: bool = False) -> dict[str, Any]:
    """Verify the version that served before the active one and make it serve, as `activate` does.

    :raises NothingToRollBack: if there is none left.
    :raises VersionRefused: if it fails a check; what served before goes on serving.
    :raises NotAllWorkersServe: if ``wait`` and some do not serve it after 10 seconds.
    """
    loaded: list[LoadedVersion] = []
    load = served_model.load_version
    with _rejections():
        version = served_model.store.roll_back(accept=lambda name: loaded.append(load(name)))
    served_model.swap_in(loaded[0])
    return _settled(served_model, version, wait=wait)


def route(served_model: ServedModel, split: TrafficSplit | None, *, wait: bool = False) -> dict[str, Any]:
    """Verify the versions of a traffic split and follow it: here at once, in other workers within 2 seconds.

    :param split: None to send all requests to the active version.
    :param wait: return only when all workers follow it.
    :raises VersionNotFound: if there is no such version.
    :raises VersionRefused: if one fails a check; the traffic split before stays.
    :raises NotAllWorkersServe: if some do not follow after 10 seconds.
    """
    versions = tuple(split.shares) if split else ()
    for version in versions:
        verify(served_model, version)
    served_model.store.route(split)
    served_model.poll_traffic_split()
    wanted = {"routing": split.id if split else None}
    workers = _workers_that_report(served_model, wanted, wait=wait, what=", ".join(versions))
    return served_model.store.traffic_split.document() | {"workers": workers}


def remove(served_model: ServedModel, version: str) -> None:
    """Remove a version for good.

    :raises VersionNotFound: if there is no such version.
    :raises VersionInUse: if it is the active one or part of the traffic split.
    """
    served_model.store.remove(version)


def prune(served_model: ServedModel, *, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` versions, those in use and the one that a rollback would go back to.

    Returns the names of those removed.
    """
    store, versions = served_model.store, served_model.store.versions()
    earlier = [version for version in store.activation.previous() if version in versions]
    kept = {store.active(), *earlier[:1]}
    removed = [name for name in versions[keep:] if name not in kept and not store.traffic_split.uses(name)]
    for version in removed:
        remove(served_model, version)
    return removed


@contextmanager
def _rejections() -> Iterator[None]:
    """For an operator a version that fails a check is a conflict, not a service without a model."""
    try:
        yield
    except ArtifactInvalid as error:
        raise VersionRefused(error.version, error.reason) from error


def _settled(served_model: ServedModel, version: str, *, wait: bool) -> dict[str, Any]:
    workers = _workers_that_report(served_model, {"version": version}, wait=wait, what=version)
    return {"version": version, "state": "active", "workers": workers}


def _workers_that_report(served_model: ServedModel, wanted: dict[str, Any], *, wait: bool, what: str) -> int:
    """How many workers follow a change, once all of them do if ``wait``; NotAllWorkersServe after 10 s."""
    end = monotonic() + PATIENCE
    while True:
        following = [wanted.items() <= report.items() for report in served_model.workers.living()]
        if all(following) or not wait:
            return sum(following)
        if monotonic() > end:
            raise NotAllWorkersServe(what)
        sleep(0.05)
