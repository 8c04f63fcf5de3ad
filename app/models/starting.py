"""What a process serves when it starts."""

import logging

from app.exceptions import ArtifactInvalid, VersionNotFound
from app.models.loading import AUTO, LoadedModel
from app.models.service import ModelService

log = logging.getLogger(__name__)


def load_usable(service: ModelService) -> LoadedModel:
    """Serve the active version, or if it is unusable the latest of those before it that is not.

    An older model is better than none, but it is not what was asked for: each version passed over is an
    error in the log, and the active one is shown as refused.

    :raises ModelNotLoaded: if the store is empty.
    :raises ArtifactInvalid, VersionNotFound: of the active version, if those before it are unusable too or
        one engine was asked for, which the others may only have by chance.
    """
    try:
        return service.load()
    except (ArtifactInvalid, VersionNotFound) as error:
        if service.options.engine != AUTO:
            raise
        log.error("the active version is unusable", extra={"reason": error.message})
        for version in service.store.activation.previous():
            try:
                model = service.load(version)
            except (ArtifactInvalid, VersionNotFound) as other:
                log.error("an earlier version is unusable too", extra={"reason": other.message})
                continue
            log.error("SERVING AN EARLIER VERSION THAN THE ACTIVE ONE", extra={"model_version": version})
            return model
        raise
