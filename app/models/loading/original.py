"""Whether a version's original model may answer in this process, beside its certified engine."""

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any, Literal

from app.models.engines import REFERENCE
from app.models.repository.version_files import Metadata

VersionPolicy = Literal["refuse", "warn"]
# In the metadata of a version without a pickle: the libraries that the model was exported from.
EXPORTED_FROM = "exported_from"
# Libraries of models, and the distributions that hold them.
JUDGED_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "scikit-learn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
}


def reason_against_original(metadata: Metadata, policy: VersionPolicy) -> str | None:
    """Why the original may not answer beside a certified engine, which then serves alone; None if it may.

    Another version of its library may predict otherwise than what the engine was compared with, or not load
    it at all. Under the policy ``warn`` a version counts as compared anew once it is certified again.
    """
    if EXPORTED_FROM in metadata:
        return "it was exported, and holds no pickle"
    if policy == "refuse":
        return other_library(metadata)
    reference: Any = metadata["certificates"].get(REFERENCE, {})
    return other_library({"libraries": metadata["libraries"] | reference.get("libraries", {})})


def other_library(metadata: Metadata) -> str | None:
    """The first library that fitted the model and is installed in another version, as a sentence, or None."""
    for library, distributions in JUDGED_LIBRARIES.items():
        if (recorded := metadata["libraries"].get(library)) is None:
            continue
        if (found := _installed(distributions)) not in (None, recorded):
            return f"it was fitted with {library} {recorded}, installed is {found}"
    return None


def _installed(distributions: tuple[str, ...]) -> str | None:
    for name in distributions:
        with suppress(PackageNotFoundError):
            return installed(name)
    return None
