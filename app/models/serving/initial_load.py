"""Initial load: what a process serves when it starts."""

import logging

from app.exceptions import ArtifactInvalid, StoreUnreadable, VersionNotFound
from app.models.loading.loader import AUTO, LoadedVersion
from app.models.serving.served_model import ServedModel

log = logging.getLogger(__name__)


def load_active_or_previous(served_model: ServedModel) -> LoadedVersion:
    """Serve the active version, or if it is unusable the latest usable one that was active before.

    An older model is better than none, but not what was asked for: each version passed over is an error in
    the log, and the active one is shown as refused. Where ``active.json`` cannot be read, the newest usable
    version serves.

    :raises ModelNotLoaded: if the store is empty.
    :raises ArtifactInvalid, StoreUnreadable, VersionNotFound: of the active version, if the others are
        unusable too or one engine was asked for, which they may only have by chance.
    """
    try:
        return served_model.load()
    except (ArtifactInvalid, StoreUnreadable, VersionNotFound) as error:
        if served_model.options.engine != AUTO:
            raise
        log.error("the active version is unusable", extra={"reason": error.message})
        candidates, event = _candidates(served_model)
        for version in candidates:
            try:
                model = served_model.load(version)
            except (ArtifactInvalid, VersionNotFound) as other:
                log.error("an earlier version is unusable too", extra={"reason": other.message})
                continue
            log.error(event, extra={"model_version": version})
            return model
        raise


def _candidates(served_model: ServedModel) -> tuple[list[str], str]:
    """Versions to try in place of the active one, the likeliest first, and the log event for it."""
    store = served_model.store
    try:
        return store.activation.previous(), "SERVING AN EARLIER VERSION THAN THE ACTIVE ONE"
    except StoreUnreadable:
        return store.versions(), "SERVING THE NEWEST USABLE VERSION: WHICH IS ACTIVE CANNOT BE READ"
