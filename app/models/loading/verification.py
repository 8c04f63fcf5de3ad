"""Verification: the checks of a version before any of it is loaded.

Every file is read once; the verified bytes are the loaded bytes.
"""

import errno
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.exceptions import ArtifactInvalid
from app.models.engines.external_data import refers_outside
from app.models.loading.certificates import serves_alone
from app.models.loading.original import VersionPolicy, other_library
from app.models.loading.signing import Verifier
from app.models.repository.atomic_files import TooLong
from app.models.repository.store import ModelStore
from app.models.repository.version_files import METADATA, SIGNATURE, Metadata, fingerprint, recorded_size
from app.models.schema.signature import InputSignature, OutputSignature

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

# The metadata that serving needs, as `publish` writes it.
REQUIRED: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("signature", "output", "golden", "files", "certificates", "params", "libraries"), dict),
    **dict.fromkeys(("engine", "model_type"), str),
    **dict.fromkeys(("feature_names", "classes"), list),
    **dict.fromkeys(("n_features", "n_classes"), int),
    "feature_importance": (dict, type(None)),
}


@dataclass(frozen=True)
class VerificationPolicy:
    """The policy of verification."""

    verifier: Verifier = field(default_factory=Verifier)
    sklearn_version: VersionPolicy = "refuse"


@dataclass
class VersionArtifact:
    """A version under verification: its bytes, metadata and notes."""

    version: str
    raw: bytes
    signature_file: bytes | None
    read: Callable[..., bytes]
    policy: VerificationPolicy
    metadata: Metadata = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def input(self) -> InputSignature:
        """The model's input, after the check `well_formed`."""
        return InputSignature.from_dict(self.metadata["signature"])

    @property
    def output(self) -> OutputSignature:
        """The model's output, after the check `well_formed`."""
        return OutputSignature.from_dict(self.metadata["output"])


def verify(store: ModelStore, version: str, policy: VerificationPolicy) -> VersionArtifact:
    """Run all checks on a version.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: with the reason of the first failed check.
    """
    read = partial(store.read_file, version)
    artifact = VersionArtifact(version, store.raw_metadata(version), store.signature(version), read, policy)
    for check in CHECKS:
        if reason := check(artifact):
            raise ArtifactInvalid(version, reason)
    return artifact


def signed(artifact: VersionArtifact) -> str | None:
    """The signature is valid for the metadata, if one is required."""
    return artifact.policy.verifier.reason_against(artifact.raw, artifact.signature_file)


def well_formed(artifact: VersionArtifact) -> str | None:
    """The metadata is a JSON object with all required keys."""
    try:
        metadata: Any = json.loads(artifact.raw)
    except (ValueError, RecursionError):
        return f"{METADATA} is not valid JSON"
    if not isinstance(metadata, dict):
        return f"{METADATA} is not a JSON object"
    artifact.metadata = metadata
    if missing := [key for key in REQUIRED if key not in metadata]:
        return f"metadata lacks {', '.join(missing)}"
    if wrong := [key for key, kind in REQUIRED.items() if not isinstance(metadata[key], kind)]:
        return f"metadata has no usable {', '.join(wrong)}"
    if metadata.get("version", artifact.version) != artifact.version:
        return f"metadata is that of version {metadata['version']!r}"
    try:
        artifact.input.bounds(1.0)
        _ = artifact.output.probability_keys, artifact.output.target_keys  # evaluated for their errors
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"metadata has no usable signature: {type(error).__name__} {error}"
    return None


def intact(artifact: VersionArtifact) -> str | None:
    """Every file is a regular file in the version's folder, with the recorded size and SHA-256."""
    for name, recorded in artifact.metadata["files"].items():
        if not FILE_NAME.fullmatch(name) or name in {METADATA, SIGNATURE}:
            return f"{name!r} is no name of a file of a version"
        if (size := recorded_size(recorded)) is None:
            return f"{name} has no usable size in {METADATA}"
        try:
            content = artifact.read(name, most=size)
        except FileNotFoundError:
            return f"{name} is missing"
        except TooLong:
            return f"{name} does not match its recorded size and SHA-256"
        except OSError as error:
            return f"{name} is {'a symbolic link' if error.errno == errno.ELOOP else 'no readable file'}"
        if fingerprint(content) != recorded:
            return f"{name} does not match its recorded size and SHA-256"
        artifact.files[name] = content
    return None


def self_contained(artifact: VersionArtifact) -> str | None:
    """No file, under any name, has external data of ONNX; `open_session` does not read it either."""
    outside = [name for name, content in artifact.files.items() if refers_outside(content)]
    return f"{outside[0]} refers to external data" if outside else None


def fitted_with_installed_libraries(artifact: VersionArtifact) -> str | None:
    """The installed libraries of the model are those that fitted it, or are not installed, or not needed."""
    note = other_library(artifact.metadata)
    if note is None:
        return None
    artifact.notes.append(note)
    if artifact.policy.sklearn_version == "warn" or serves_alone(artifact.metadata):
        return None
    return note


CHECKS: tuple[Callable[[VersionArtifact], str | None], ...] = (
    signed,
    well_formed,
    intact,
    self_contained,
    fitted_with_installed_libraries,
)
