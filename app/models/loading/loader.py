"""The loader: from a stored version to a `LoadedVersion`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from app.exceptions import ArtifactInvalid, ServiceError
from app.models.engines import ENGINES, REFERENCE
from app.models.engines.base import Engine
from app.models.engines.fallback import FallbackEngine
from app.models.engines.lone import LoneEngine
from app.models.loading import golden_rows, verification
from app.models.loading.certificates import void_reason
from app.models.loading.compiled_engine import compiled_engine
from app.models.loading.original import EXPORTED_FROM, reason_against_original
from app.models.loading.signing import Verifier
from app.models.loading.unpickling import original_of, reference_of
from app.models.loading.verification import VersionArtifact
from app.models.repository.store import ModelStore
from app.models.repository.version_files import Metadata
from app.models.schema.outliers import OutlierGuard, OutlierPolicy
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows
from app.settings.process import give_back_memory
from config import ConfigError

log = logging.getLogger(__name__)

AUTO = "auto"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LoadedVersion:
    """One version in memory; immutable, so that a request sees a single version.

    Equality is identity, and weak references allow caches of derived data. ``alone``: why the engine serves
    without the original behind it, or None if that can answer too.
    """

    version: str
    metadata: Metadata
    signature: InputSignature
    output: OutputSignature
    engine: Engine
    guard: OutlierGuard
    alone: str | None = None


@dataclass(frozen=True)
class LoadingOptions:
    """Options of loading.

    :param engine: ``auto``, or the only engine that may serve.
    :param admission: the policy of verification.
    :param on_engine_failure: called with an engine's name on each failure at run time.
    """

    policy: OutlierPolicy = "off"
    tolerance: float = 1.0
    engine: str = AUTO
    admission: verification.VerificationPolicy = field(default_factory=verification.VerificationPolicy)
    on_engine_failure: Callable[[str], None] = lambda engine: None


def loading_options(config: Mapping[str, Any]) -> LoadingOptions:
    """Options of loading for an app with these settings.

    :raises ConfigError: if ``MODEL_ENGINE`` names no engine.
    """
    engines = (AUTO, *(name for name, entry in ENGINES.items() if not entry.batches))
    if (engine := config["MODEL_ENGINE"]) not in engines:
        raise ConfigError(f"MODEL_ENGINE={engine!r}: Must be one of: {', '.join(engines)}.")
    return LoadingOptions(
        policy=config["OUTLIER_POLICY"],
        tolerance=config["OUTLIER_TOLERANCE"],
        engine=engine,
        admission=verification.VerificationPolicy(
            Verifier(config["MODEL_SIGNING_KEY"], config["MODEL_PUBLIC_KEY"]),
            sklearn_version=config["SKLEARN_VERSION_POLICY"],
        ),
    )


def load(store: ModelStore, version: str, options: LoadingOptions) -> LoadedVersion:
    """Verify a version, load it, replay its golden rows and warm it up.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if it fails a check, or has no valid certificate for the requested engine.
    """
    try:
        artifact = verification.verify(store, version, options.admission)
        for note in artifact.notes:
            log.warning("version has a flaw", extra={"model_version": version, "reason": note})
        guard = OutlierGuard(artifact.input, policy=options.policy, tolerance=options.tolerance)
        engine, alone = _engine(artifact, options)
        model = LoadedVersion(
            version, artifact.metadata, artifact.input, artifact.output, engine, guard, alone
        )
        _replay_golden_rows(model)
        give_back_memory()
        return model
    except ServiceError:
        raise
    except Exception as error:  # wrong metadata may pass every check
        raise ArtifactInvalid(version, f"loading raised {type(error).__name__}") from error


def _engine(artifact: VersionArtifact, options: LoadingOptions) -> tuple[Engine, str | None]:
    """The engine to serve on, and why it serves without the original behind it, or None."""
    version, metadata = artifact.version, artifact.metadata
    wanted = metadata["engine"] if options.engine == AUTO else options.engine
    alone = reason_against_original(metadata, artifact.policy.sklearn_version)
    reason = None if wanted == REFERENCE else void_reason(metadata, wanted, alone=alone is not None)
    if reason is None and wanted != REFERENCE:
        compiled = compiled_engine(
            artifact,
            wanted,
            alone=alone is not None,
            batches=options.engine == AUTO,
            on_failure=options.on_engine_failure,
        )
        if alone is None:
            reference = partial(reference_of, original_of(artifact))
            return FallbackEngine(compiled, reference, on_failure=options.on_engine_failure), None
        fields = {"model_version": version, "engine": wanted, "reason": alone}
        log.warning("serving on its certified engine alone", extra=fields)
        return LoneEngine(compiled), alone
    if reason is not None and options.engine != AUTO:
        raise ArtifactInvalid(version, f"MODEL_ENGINE={wanted}, but {reason}")
    if alone is not None and (EXPORTED_FROM in metadata or artifact.policy.sklearn_version == "refuse"):
        raise ArtifactInvalid(version, f"its original cannot serve: {reason or alone}")
    if reason is not None:
        fields = {"model_version": version, "engine": wanted, "reason": reason}
        log.warning("serving on scikit-learn", extra=fields)
    return reference_of(artifact), None


def _replay_golden_rows(model: LoadedVersion) -> None:
    recorded = model.metadata["golden"]
    try:
        predicted = model.engine.predict(validate_rows(recorded["rows"], model.signature))
        reason = golden_rows.disagreement(recorded, predicted, model.output)
    except Exception as error:
        raise ArtifactInvalid(model.version, f"golden rows raised {type(error).__name__}") from error
    if reason:
        raise ArtifactInvalid(model.version, f"golden rows: {reason}")
