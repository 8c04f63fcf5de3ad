"""The repository extension of the Open Inference Protocol: its calls as operations on versions."""

from collections.abc import Iterator
from typing import Any

from app.api.dialects.json_documents import Document, as_object, member
from app.api.dialects.open_inference.v2_models import names
from app.api.formats import read_content
from app.api.formats.json_codec import parse
from app.exceptions import Conflict, InvalidInput, ModelNotFound, StoreUnreadable, VersionInUse
from app.models.ml_models import model_manager
from app.models.repository.version_names import check_version
from app.models.schema.cells import shown
from app.models.serving import operations
from app.models.serving.overview import loaded_versions, versions
from app.models.serving.served_model import ServedModel

READY, UNAVAILABLE = "READY", "UNAVAILABLE"


def index() -> list[dict[str, str]]:
    """Each version of each model and its state; with ``ready`` in the body only those that can predict."""
    only_ready = member(_document(), "ready", bool, "true or false")
    found = [entry for name in names() for entry in _entries(name)]
    return [entry for entry in found if not only_ready or entry["state"] == READY]


def _entries(name: str) -> Iterator[dict[str, str]]:
    try:
        served_model = model_manager.registry[name]
        loaded = loaded_versions(served_model)
        for each in versions(served_model):
            version, reason = each["version"], each.get("reason") or ""
            state = READY if version in loaded else UNAVAILABLE
            yield {"name": name, "version": version, "state": state, "reason": reason}
    except ModelNotFound:  # removed in the meantime
        return
    except StoreUnreadable as error:
        yield {"name": name, "version": "", "state": UNAVAILABLE, "reason": error.message}


def load(name: str) -> dict[str, Any]:
    """Serve a version in all workers: the one of the parameter ``version``, else the active one, else the
    newest.

    :raises VersionRefused: if it fails a check; what served before goes on serving.
    """
    served_model, version = model_manager.registry[name], _version_of_body("version")
    store = served_model.store
    active = store.active()
    if (wanted := version or active or next(iter(store.versions()), None)) is None:
        raise ModelNotFound(name)
    if wanted != active or wanted not in loaded_versions(served_model):
        operations.activate(served_model, wanted, wait=True)
    return {"name": name, "load": True, "version": wanted}


def unload(name: str) -> dict[str, Any]:
    """End the traffic split whose only challenger is the parameter ``version``.

    :raises Conflict: for a version that clients need: the one that serves, or one of several challengers.
    """
    served_model = model_manager.registry[name]
    version = _version_of_body("version", "unload_dependents")
    if version is None and served_model.loaded:
        use = "load another version in its place, or name a challenger to unload"
        raise Conflict(f"Model {name!r} serves its active version until another one does: {use}")
    if version is not None:
        served_model.store.raw_metadata(version)  # or there is no such version
        _end_split(served_model, version)
    return {"name": name, "unload": True}


def _end_split(served_model: ServedModel, version: str) -> None:
    """Leave a version out of the traffic split, if it is part of one."""
    serving = served_model.loaded and served_model.model.version == version
    if serving or served_model.store.active() == version:
        raise VersionInUse(version, use="it is the active one; load another version in its place")
    split = served_model.store.traffic_split.current()
    if split is None or version not in split.shares:
        return
    if len(split.shares) > 1:
        raise VersionInUse(version, use="it is one of several in the traffic split; set another split")
    operations.route(served_model, None, wait=True)


def _version_of_body(*known: str) -> str | None:
    """The version that the parameters of the body name."""
    parameters = member(_document(), "parameters", dict, "an object") or {}
    if unknown := [name for name in parameters if name not in known]:
        reason = f"is not known here, only {', '.join(known)}"
        raise InvalidInput([{"field": f"parameters.{shown(unknown[0])}", "reason": reason}])
    version: str | None = member(parameters, "version", str, "a string", field="parameters.")
    return version if version is None else check_version(version)


def _document() -> Document:
    """The body, an empty object if there is none."""
    return as_object(parse(raw)) if (raw := read_content()) else {}
