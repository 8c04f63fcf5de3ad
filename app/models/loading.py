"""From a stored version to a model that serves."""

import io
from dataclasses import dataclass
from functools import partial
from typing import Any

import joblib
from sklearn.pipeline import make_pipeline

from app.exceptions import ArtifactInvalid
from app.models import golden
from app.models.conformance import conform
from app.models.engines.base import Engine
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.outliers import OutlierGuard, Policy
from app.models.signature import InputSignature, OutputSignature
from app.models.store import Metadata, ModelStore

MODEL = "model.pkl"
SCALER = "scaler.pkl"
# What serving and describing a model take from its metadata, as `publish` writes it.
REQUIRED = (
    *("signature", "output", "golden", "files", "model_type", "params"),
    *("feature_names", "n_features", "feature_importance", "classes", "n_classes"),
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One version in memory; immutable, so a request that holds it sees one version to its end."""

    version: str
    metadata: Metadata
    signature: InputSignature
    output: OutputSignature
    engine: Engine
    guard: OutlierGuard


def load(store: ModelStore, version: str, *, policy: Policy, tolerance: float) -> LoadedModel:
    """Verify a version, load it and replay its golden rows.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if it fails any check.
    """
    metadata = store.metadata(version)
    if missing := [key for key in REQUIRED if key not in metadata]:
        raise ArtifactInvalid(version, f"metadata lacks {', '.join(missing)}")
    try:
        signature = InputSignature.from_dict(metadata["signature"])
        output = OutputSignature.from_dict(metadata["output"])
    except (KeyError, TypeError) as error:
        raise ArtifactInvalid(version, f"metadata is incomplete: {error}") from None
    estimator = _unpickle(store, version, metadata)
    guard = OutlierGuard(signature, policy=policy, tolerance=tolerance)
    engine = SklearnEngine(estimator, signature, output)
    model = LoadedModel(version, metadata, signature, output, engine, guard)
    _replay_golden_rows(model)
    return model


def _unpickle(store: ModelStore, version: str, metadata: Metadata) -> Any:
    """The scaler, if there is one, and the model as one estimator; only verified bytes are unpickled."""
    read = partial(store.read, version, metadata=metadata)
    try:
        model = joblib.load(io.BytesIO(read(MODEL)))
        if SCALER not in metadata["files"]:
            return model
        return make_pipeline(joblib.load(io.BytesIO(read(SCALER))), model)
    except ArtifactInvalid:
        raise
    except Exception as error:
        raise ArtifactInvalid(version, f"unpickling failed: {type(error).__name__}") from error


def _replay_golden_rows(model: LoadedModel) -> None:
    recorded = model.metadata["golden"]
    try:
        outcome = model.engine.predict(conform(recorded["rows"], model.signature))
        reason = golden.disagreement(recorded, outcome)
    except Exception as error:
        raise ArtifactInvalid(model.version, f"golden rows raised {type(error).__name__}") from error
    if reason:
        raise ArtifactInvalid(model.version, f"golden rows: {reason}")
