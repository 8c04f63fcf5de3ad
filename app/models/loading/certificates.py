"""Validity of engine certificates in this process."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from app.models.engines import ENGINES
from app.models.repository.version_files import Metadata

# A certificate records its rules; older rules miss faults that newer ones find.
CERTIFICATION_RULES = 2


def void_reason(metadata: Metadata, engine: str) -> str | None:
    """Why an engine of a version may not serve, or None if its certificate is valid."""
    if engine not in ENGINES:
        return "this release has no such engine"
    certificate = metadata["certificates"].get(engine)
    if certificate is None:
        return "it has no certificate"
    if not certificate["certified"]:
        return f"it was not certified: {certificate['reason']}"
    if certificate.get("rules") != CERTIFICATION_RULES:
        return "its certificate is void: made by the rules of another release"
    for library, recorded in certificate["libraries"].items():
        try:
            found = installed(library)
        except PackageNotFoundError:
            continue  # the engine runs without it
        if found != recorded:
            return f"its certificate is void: made with {library} {recorded}, installed is {found}"
    return None
