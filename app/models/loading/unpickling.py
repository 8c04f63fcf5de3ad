"""The original model of a version, out of its verified files."""

import io
from typing import Any

from app.exceptions import ArtifactInvalid
from app.models.engines import REFERENCE
from app.models.engines.base import Engine
from app.models.loading.certificates import CERTIFICATION_RULES
from app.models.loading.kept_files import with_files, with_only
from app.models.loading.verification import VersionArtifact
from app.models.loading.version_code import CODE, code_of, importable, reason_against_pickle
from app.models.repository.version_files import METADATA

MODEL = "model.pkl"
SCALER = "scaler.pkl"


def original_of(artifact: VersionArtifact) -> VersionArtifact:
    """The artifact with the files of the original alone, see `with_only`."""
    return with_only(artifact, (MODEL, SCALER, *artifact.metadata.get(CODE, ())))


def reference_of(artifact: VersionArtifact) -> Engine:
    """The original model as an engine.

    :raises ArtifactInvalid: if files that `original_of` did not keep have changed since.
    """
    from app.models.engines.sklearn_engine import SklearnEngine, for_serving

    artifact = with_files(artifact)
    certificate = artifact.metadata["certificates"].get(REFERENCE, {})
    return SklearnEngine(
        for_serving(load_estimator(artifact)),
        artifact.input,
        artifact.output,
        single_call=certificate.get("single_call", False) and certificate.get("rules") == CERTIFICATION_RULES,
    )


def load_estimator(artifact: VersionArtifact) -> Any:
    """The scaler, if there is one, and the model as one estimator, from verified bytes.

    :raises ArtifactInvalid: if a file is missing or does not unpickle.
    """
    import joblib
    from sklearn.pipeline import make_pipeline

    if MODEL not in artifact.files:
        raise ArtifactInvalid(artifact.version, f"{MODEL} is not listed in {METADATA}")
    if reason := reason_against_pickle(artifact.metadata):
        raise ArtifactInvalid(artifact.version, reason)
    contents = [artifact.files[name] for name in (SCALER, MODEL) if name in artifact.files]
    try:
        with importable(code_of(artifact.metadata, artifact.files)):
            parts = [joblib.load(io.BytesIO(content)) for content in contents]
    except Exception as error:
        raise ArtifactInvalid(artifact.version, f"unpickling failed: {type(error).__name__}") from error
    return make_pipeline(*parts) if len(parts) > 1 else parts[0]
