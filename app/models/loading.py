"""From a stored version to a model that serves."""

import io
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from app.exceptions import ArtifactInvalid, ServiceError
from app.models import gate, golden
from app.models.conformance import conform
from app.models.engines.base import Engine
from app.models.engines.compiled import CompiledEngine
from app.models.engines.fallback import FallbackEngine
from app.models.engines.kernel import KernelSpec, load_kernel
from app.models.engines.preprocessing import Preprocessor
from app.models.gate import Applicant
from app.models.outliers import OutlierGuard, Policy
from app.models.signature import InputSignature, OutputSignature
from app.models.store import METADATA, PREPROCESSING_FILE, Metadata, ModelStore

log = logging.getLogger(__name__)

MODEL = "model.pkl"
SCALER = "scaler.pkl"
REFERENCE = "sklearn"
AUTO = "auto"
# Certificates say by which rules they were made; those of older rules let through what newer ones find.
CERTIFICATION_RULES = 2


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LoadedModel:
    """One version in memory; immutable, so a request that holds it sees one version to its end.

    Equal only to itself, and weakly referable, so that what is derived from it can be kept beside it.
    """

    version: str
    metadata: Metadata
    signature: InputSignature
    output: OutputSignature
    engine: Engine
    guard: OutlierGuard


@dataclass(frozen=True)
class LoadingOptions:
    """How versions are loaded.

    :param engine: ``auto``, or the one engine that may serve.
    :param admission: what the gate insists on.
    :param on_engine_failure: called with an engine's name whenever it fails at run time.
    """

    policy: Policy = "off"
    tolerance: float = 1.0
    engine: str = AUTO
    admission: gate.Policy = field(default_factory=gate.Policy)
    on_engine_failure: Callable[[str], None] = lambda engine: None


def load(store: ModelStore, version: str, options: LoadingOptions) -> LoadedModel:
    """Let a version through the gate, load it, replay its golden rows and warm it up.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if it fails any check, or has no valid certificate for the engine asked for.
    """
    try:
        return _load(store, version, options)
    except ServiceError:
        raise
    except Exception as error:  # metadata may be wrong in more ways than there are checks
        raise ArtifactInvalid(version, f"loading raised {type(error).__name__}") from error


def _load(store: ModelStore, version: str, options: LoadingOptions) -> LoadedModel:
    admitted = gate.admit(store, version, options.admission)
    for note in admitted.notes:
        log.warning("version has a flaw", extra={"model_version": version, "reason": note})
    guard = OutlierGuard(admitted.input, policy=options.policy, tolerance=options.tolerance)
    engine = _engine(admitted, options)
    model = LoadedModel(version, admitted.metadata, admitted.input, admitted.output, engine, guard)
    _replay_golden_rows(model)
    return model


def void_reason(metadata: Metadata, engine: str) -> str | None:
    """Why an engine of a version may not serve, or None if its certificate is valid."""
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
            continue  # not needed by an engine that runs without it
        if found != recorded:
            return f"its certificate is void: made with {library} {recorded}, installed is {found}"
    return None


def _engine(admitted: Applicant, options: LoadingOptions) -> Engine:
    version, metadata = admitted.version, admitted.metadata
    wanted = metadata["engine"] if options.engine == AUTO else options.engine
    load_reference = partial(_reference, admitted)
    if wanted == REFERENCE:
        return load_reference()
    if reason := void_reason(metadata, wanted):
        if options.engine != AUTO:
            raise ArtifactInvalid(version, f"MODEL_ENGINE={wanted}, but {reason}")
        log.warning(
            "serving on scikit-learn",
            extra={"model_version": version, "engine": wanted, "reason": reason},
        )
        return load_reference()
    spec = KernelSpec.from_dict(metadata["certificates"][wanted]["kernel"])
    try:
        recorded = None if spec.whole else json.loads(admitted.files[PREPROCESSING_FILE])
        preprocessor = Preprocessor() if recorded is None else Preprocessor.from_dict(recorded)
        kernel = load_kernel(wanted, admitted.files[spec.file], spec)
    except Exception as error:
        raise ArtifactInvalid(
            version, f"its {wanted} engine cannot be made: {type(error).__name__}"
        ) from error
    return FallbackEngine(
        CompiledEngine(preprocessor, kernel), load_reference, on_failure=options.on_engine_failure
    )


def _reference(admitted: Applicant) -> Engine:
    from app.models.engines.sklearn_engine import SklearnEngine, for_serving

    certificate = admitted.metadata["certificates"].get(REFERENCE, {})
    return SklearnEngine(
        for_serving(load_estimator(admitted)),
        admitted.input,
        admitted.output,
        single_call=certificate.get("single_call", False) and certificate.get("rules") == CERTIFICATION_RULES,
    )


def load_estimator(admitted: Applicant) -> Any:
    """The scaler, if there is one, and the model as one estimator; only verified bytes are unpickled.

    :raises ArtifactInvalid: if a file is missing or does not unpickle.
    """
    import joblib
    from sklearn.pipeline import make_pipeline

    if MODEL not in admitted.files:
        raise ArtifactInvalid(admitted.version, f"{MODEL} is not listed in {METADATA}")
    contents = [admitted.files[name] for name in (SCALER, MODEL) if name in admitted.files]
    try:
        parts = [joblib.load(io.BytesIO(content)) for content in contents]
    except Exception as error:
        raise ArtifactInvalid(admitted.version, f"unpickling failed: {type(error).__name__}") from error
    return make_pipeline(*parts) if len(parts) > 1 else parts[0]


def _replay_golden_rows(model: LoadedModel) -> None:
    recorded = model.metadata["golden"]
    try:
        outcome = model.engine.predict(conform(recorded["rows"], model.signature))
        reason = golden.disagreement(recorded, outcome, model.output)
    except Exception as error:
        raise ArtifactInvalid(model.version, f"golden rows raised {type(error).__name__}") from error
    if reason:
        raise ArtifactInvalid(model.version, f"golden rows: {reason}")
