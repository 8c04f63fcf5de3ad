"""The compiled engines of a version, out of its verified files."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.exceptions import ArtifactInvalid
from app.models.engines import ENGINES
from app.models.engines.batches import BatchingEngine
from app.models.engines.compiled import CompiledEngine
from app.models.engines.kernel import Kernel, KernelSpec, load_kernel
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.loading import golden_rows
from app.models.loading.certificates import void_reason
from app.models.loading.kept_files import with_files, with_only
from app.models.loading.verification import VersionArtifact
from app.models.repository.version_files import PREPROCESSING_FILE
from app.models.schema.validation import validate_rows
from app.settings.process import first_use

log = logging.getLogger(__name__)


def compiled_engine(
    artifact: VersionArtifact,
    engine: str,
    *,
    alone: bool,
    batches: bool,
    on_failure: Callable[[str], None],
) -> CompiledEngine:
    """A compiled engine.

    :param alone: answer rows with two nearly equal classes too.
    :param batches: leave calls of many rows to another engine, if the version has one for them.
    :param on_failure: called with the name of that one if it fails.
    :raises ArtifactInvalid: if it cannot be made.
    """
    preprocessor, kernel = _made(artifact, engine, alone=alone)
    if batches and (load := _load_for_batches(artifact, alone=alone)) is not None:
        return BatchingEngine(preprocessor, kernel, load=load, on_failure=on_failure)
    return CompiledEngine(preprocessor, kernel)


def _made(artifact: VersionArtifact, engine: str, *, alone: bool) -> tuple[Preprocessor, Kernel]:
    spec = _spec(artifact, engine)
    spec = replace(spec, tie=None) if alone else spec
    try:
        recorded = None if spec.whole else json.loads(artifact.files[PREPROCESSING_FILE])
        preprocessor = Preprocessor() if recorded is None else Preprocessor.from_dict(recorded)
        return preprocessor, load_kernel(engine, artifact.files[spec.file], spec)
    except Exception as error:
        needs = f"; it needs {', '.join(ENGINES[engine].install)}" if isinstance(error, ImportError) else ""
        reason = f"its {engine} engine cannot be made: {type(error).__name__}{needs}"
        raise ArtifactInvalid(artifact.version, reason) from error


def _spec(artifact: VersionArtifact, engine: str) -> KernelSpec:
    recorded: dict[str, Any] = artifact.metadata["certificates"][engine]["kernel"]
    return KernelSpec.from_dict(recorded)


def _load_for_batches(artifact: VersionArtifact, *, alone: bool) -> Callable[[], CompiledEngine] | None:
    """What makes the engine for batches and replays the golden rows on it; None if the version has none."""
    if (name := artifact.metadata.get("batch_engine")) is None:
        return None
    if reason := void_reason(artifact.metadata, name):
        fields = {"model_version": artifact.version, "engine": name, "reason": reason}
        log.warning("no engine for batches", extra=fields)
        return None
    needed = with_only(artifact, (PREPROCESSING_FILE, _spec(artifact, name).file))

    def load() -> CompiledEngine:
        with first_use("numba"):
            engine = CompiledEngine(*_made(with_files(needed), name, alone=alone))
        golden = needed.metadata["golden"]
        predicted, left = engine.attempt(validate_rows(golden["rows"], needed.input))
        if reason := golden_rows.disagreement(golden, predicted, needed.output, left=left or ()):
            raise ArtifactInvalid(needed.version, f"golden rows: {reason}")
        return engine

    return load
