"""Certifying stored versions again, one or all, after an upgrade of the libraries that compute."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.exceptions import ArtifactInvalid, ServiceError
from app.models.certification.progress import Report, silent
from app.models.compilation.compilers import one_line
from app.models.engines import REFERENCE
from app.models.importing.exported.publish_export import recertify_export
from app.models.loading import loader, verification
from app.models.loading.certificates import void_reason
from app.models.loading.loader import LoadingOptions
from app.models.loading.original import EXPORTED_FROM, reason_against_original
from app.models.publishing import publish
from app.models.repository.store import ModelStore
from app.models.repository.version_files import Metadata


@dataclass(frozen=True)
class Outcome:
    """What became of one version: whether it serves (``green``), on which engine, and what was done.

    ``reason``: why it does not serve, or why it serves without its original or its new certificate.
    """

    version: str
    green: bool
    engine: str | None = None
    done: str = "verified"
    reason: str | None = None


def recertify(store: ModelStore, version: str, *, report: Report = silent) -> Metadata:
    """Certify a version against its original, or against the answers that were exported with it.

    :raises VersionNotFound, ArtifactInvalid, ImportRefused: as `publish.recertify` and `recertify_export` do.
    """
    if EXPORTED_FROM in store.metadata(version):
        return recertify_export(store, version, report=report)
    return publish.recertify(store, version, report=report)


def recertify_all(store: ModelStore, options: LoadingOptions) -> Iterator[Outcome]:
    """Load every version as a worker would, newest first, and certify again those whose libraries changed.

    A signed version is only loaded, because a new certificate voids the signature.
    """
    for version in store.versions():
        yield _outcome(store, version, options)


def _outcome(store: ModelStore, version: str, options: LoadingOptions) -> Outcome:
    done, failure = "verified", None
    try:
        artifact = verification.verify(store, version, options.admission)
        if artifact.signature_file is None and _is_outdated(artifact.metadata, options):
            try:
                recertify(store, version)
                done = "certified again"
            except ServiceError as error:
                failure = error.reason if isinstance(error, ArtifactInvalid) else error.message
        model = loader.load(store, version, options)
    except ArtifactInvalid as error:
        return Outcome(version, False, reason=failure or error.reason)
    except Exception as error:  # a pickle of another version may raise anything
        return Outcome(version, False, reason=failure or one_line(error))
    return Outcome(version, True, model.engine.name, done, failure or model.alone)


def _is_outdated(metadata: Metadata, options: LoadingOptions) -> bool:
    """Whether libraries changed since the comparison, and the policy lets the original be read."""
    policy = options.admission.sklearn_version
    against = None if EXPORTED_FROM in metadata else reason_against_original(metadata, policy)
    if against is not None:
        return policy == "warn"
    serving = {metadata["engine"], metadata.get("batch_engine")} - {None, REFERENCE}
    return any(void_reason(metadata, engine) is not None for engine in serving)
