"""Validity of engine certificates in this process."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from app.models.engines import ENGINES, compiled_engines
from app.models.repository.version_files import Metadata

# A certificate records its rules; older rules miss faults that newer ones find.
CERTIFICATION_RULES = 3


def void_reason(metadata: Metadata, engine: str, *, alone: bool = False) -> str | None:
    """Why an engine of a version may not serve, or None if its certificate is valid.

    Only libraries that the engine computes with void its certificate: another scikit-learn does not change
    what a compiled engine answers.

    :param alone: the original cannot answer. Other versions of the engine's libraries then do not void the
        certificate: the golden rows, which are replayed at each load, decide.
    """
    if engine not in ENGINES:
        return "this release has no such engine"
    certificate = metadata["certificates"].get(engine)
    if certificate is None:
        return "it has no certificate"
    if not certificate["certified"]:
        return f"it was not certified: {certificate['reason']}"
    if certificate.get("rules") != CERTIFICATION_RULES:
        return "its certificate is void: made by the rules of another release"
    if alone:
        return None
    for library in ENGINES[engine].libraries:
        recorded = certificate["libraries"].get(library)
        try:
            found = installed(library)
        except PackageNotFoundError:
            continue  # the engine runs without it
        if recorded not in (None, found):
            return f"its certificate is void: made with {library} {recorded}, installed is {found}"
    return None


def serves_alone(metadata: Metadata) -> bool:
    """True if the version's chosen engine is a compiled one that may serve without the original."""
    engine = metadata["engine"]
    return engine in compiled_engines() and void_reason(metadata, engine, alone=True) is None
