"""Overview: what operators and clients are shown of models and versions."""

from contextlib import suppress
from typing import Any

from app.exceptions import ArtifactInvalid, ModelNotFound, StoreUnreadable, VersionNotFound
from app.models.loading.loader import LoadedVersion
from app.models.repository.version_files import EXPLANATION
from app.models.serving.registry import ModelRegistry
from app.models.serving.served_model import DEFAULT, ServedModel

SUMMARY = ("saved_at", "model_type", "engine", "metrics", "n_features")
PROVENANCE = (
    *("version", "saved_at", "dataset", "metrics", "confusion_matrix", "residuals"),
    *("libraries", "exported_from", "files", "certificates", "batch_engine"),
)


def loaded_versions(served_model: ServedModel) -> dict[str, LoadedVersion]:
    """The version that serves, and those that the traffic split has beside it; none if none is loaded."""
    if not served_model.loaded:
        return {}
    split = served_model.traffic_router.split
    return {served_model.model.version: served_model.model, **(split.versions if split else {})}


def versions(served_model: ServedModel) -> list[dict[str, Any]]:
    """One summary per version, newest first."""
    found = []
    for version in served_model.store.versions():
        with suppress(VersionNotFound):  # removed in the meantime
            found.append(summary(served_model, version))
    return found


def summary(served_model: ServedModel, version: str) -> dict[str, Any]:
    """A version's metrics, size in bytes, engine and state.

    ``state`` is ``active``, ``challenger``, ``available``, or ``refused`` with the ``reason``; ``workers`` is
    how many serve it, or follow the traffic split that it is part of.

    :raises VersionNotFound: if there is no such version.
    """
    store, reports = served_model.store, served_model.workers.living()
    split, rejected = store.traffic_split.current(), _rejected(served_model, reports)
    state, workers = "available", sum(report["version"] == version for report in reports)
    if store.active() == version:
        state = "active"
    elif split is not None and version in split.shares:
        state, workers = "challenger", sum(report.get("routing") == split.id for report in reports)
    found: dict[str, Any] = {"version": version, "state": state, "workers": workers}
    if version in rejected:
        found |= {"state": "refused", "reason": rejected[version]}
    try:
        metadata = store.metadata(version)
        signed, size = store.signature(version) is not None, store.size(version)
    except (ArtifactInvalid, StoreUnreadable) as error:
        return found | {"state": "refused", "reason": error.message}
    return found | {key: metadata.get(key) for key in SUMMARY} | {"size": size, "signed": signed}


def readiness(registry: ModelRegistry) -> list[dict[str, Any]]:
    """Whether each model can predict here, the default one first, and what was rejected in any worker."""
    return [_readiness(registry, name) for name in (DEFAULT, *registry.names())]


def _readiness(registry: ModelRegistry, name: str) -> dict[str, Any]:
    """``reason`` says why the active version is unknown; what is loaded goes on serving."""
    found: dict[str, Any] = {"name": name, "ready": False, "version": None, "active": None}
    try:
        served_model = registry[name]
        found["ready"] = served_model.loaded
        found["version"] = served_model.model.version if served_model.loaded else None
        if rejected := _rejected(served_model, served_model.workers.living()):
            found["refused"] = rejected
        found["active"] = served_model.store.active()
    except (ModelNotFound, StoreUnreadable) as error:
        return found | {"reason": error.message}
    return found


def _rejected(served_model: ServedModel, reports: list[dict[str, Any]]) -> dict[str, str]:
    """Versions that failed a check in at least one worker, and why."""
    rejected: dict[str, str] = {}
    for report in reports:
        rejected |= report["refused"]
    return rejected | served_model.rejected


def example_row(model: LoadedVersion) -> dict[str, Any]:
    """A row of the training sample by column name, JSON-ready: the first golden row."""
    return dict(zip(model.signature.names, model.metadata["golden"]["rows"][0], strict=True))


def describe(model: LoadedVersion) -> dict[str, Any]:
    """Type, input, output, parameters and provenance of a loaded version, as ``/api/model/info`` answers."""
    metadata = model.metadata
    return {
        "model_type": metadata["model_type"],
        "task": model.output.task,
        "n_features": metadata["n_features"],
        "n_classes": metadata["n_classes"],
        "classes": metadata["classes"],
        "targets": model.output.targets,
        "feature_names": metadata["feature_names"],
        "example": example_row(model),
        "features": model.signature.to_dict()["features"],
        "feature_importance": metadata["feature_importance"],
        "explains": metadata.get(EXPLANATION, {}).get("method"),
        "model_params": metadata["params"],
        "metadata": {
            **{key: metadata.get(key) for key in PROVENANCE},
            "engine": model.engine.name,
            "serves_alone": model.alone,
        },
    }
