"""Files of a version that may be needed later: kept in memory, or read and verified again."""

from collections.abc import Iterable
from dataclasses import replace

from app.exceptions import ArtifactInvalid
from app.models.loading import verification
from app.models.loading.verification import VersionArtifact

MOST_KEPT = 16 * 1024**2  # bytes beside what serves


def with_only(artifact: VersionArtifact, names: Iterable[str]) -> VersionArtifact:
    """The artifact with some of its files alone: none if they are so large that reading them again, should
    they ever be needed, costs less than the memory."""
    files = {name: artifact.files[name] for name in names if name in artifact.files}
    if sum(map(len, files.values())) <= MOST_KEPT:
        return replace(artifact, files=files)
    recorded = {name: artifact.metadata["files"][name] for name in files}
    return replace(artifact, files={}, metadata={**artifact.metadata, "files": recorded})


def with_files(artifact: VersionArtifact) -> VersionArtifact:
    """The artifact with the files that `with_only` chose.

    :raises ArtifactInvalid: if files that were not kept have changed since.
    """
    if artifact.files:
        return artifact
    artifact = replace(artifact, files={})
    if reason := verification.intact(artifact):
        raise ArtifactInvalid(artifact.version, reason)
    return artifact
