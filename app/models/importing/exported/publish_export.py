"""Publishing and certifying again of exported models: versions without a pickle."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.models.certification.certify import Certification, certify_recorded
from app.models.certification.comparison import Reference
from app.models.certification.progress import Report, silent
from app.models.certification.recorded_model import RecordedAnswers, recorded_model
from app.models.compilation import NotCompilable
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.engines.output import EngineOutput
from app.models.explaining.explanation_record import ExplanationRecord, explanation_record
from app.models.importing.exported.export_file import ExportFile, as_refusal
from app.models.importing.exported.rebuilding import rebuilt_model
from app.models.importing.exported.recorded import recorded_answers
from app.models.loading import golden_rows, verification
from app.models.loading.original import EXPORTED_FROM
from app.models.publishing.artifacts import feature_importance, parameters, plain
from app.models.publishing.expected import Expected
from app.models.publishing.fresh_process import FreshProcess
from app.models.publishing.inspection import FIRST_ROWS
from app.models.repository.store import ModelStore
from app.models.repository.version_files import EXPLANATION, Metadata
from app.models.schema.rows import Rows, take, to_lists
from app.models.untrusted import ImportRefused

EXPORT_FILE = "model.export"
LIBRARIES = ("python", "scikit-learn", "numpy", "scipy", "pandas", "joblib")


def import_export(
    store: ModelStore, path: Path, *, version: str | None = None, report: Report = silent
) -> str:
    """Compile an exported model, certify it against its recorded answers, save it, and return its name.

    :raises ImportRefused: if the file cannot be read, or no engine answers as the model did.
    :raises VersionExists: if the version is taken.
    """
    process = FreshProcess.started()
    content = path.read_bytes()
    model, recorded, about = _read(content, path.name)
    certification = _certified(model, recorded, path.name, report)
    document = _description(model, recorded) | {EXPORTED_FROM: about, "imported": True, "metrics": {}}
    document |= certification.record()
    explained = _explained(model, recorded)
    document[EXPLANATION] = explained.metadata
    report("a fresh process")
    check = partial(process.check, expected=_expected(recorded))
    files = {EXPORT_FILE: content, **certification.files, **explained.files}
    return store.save(files, document, version=version, check=check)


def recertify_export(store: ModelStore, version: str, *, report: Report = silent) -> Metadata:
    """Certify a stored version again, from the export that lies in it; see `publish.recertify`.

    :raises ArtifactInvalid: if its files are damaged.
    :raises ImportRefused: if no engine answers as the model did.
    """
    artifact = verification.verify(store, version, verification.VerificationPolicy(sklearn_version="warn"))
    model, recorded, _ = _read(artifact.files[EXPORT_FILE], EXPORT_FILE)
    found = _certified(model, recorded, EXPORT_FILE, report)
    explained = _explained(model, recorded)
    document = artifact.metadata | found.record()
    document[EXPLANATION] = explained.metadata
    return store.replace_engines(version, {**found.files, **explained.files}, document)


def _read(content: bytes, name: str) -> tuple[Any, RecordedAnswers, dict[str, str]]:
    with as_refusal(name):
        file = ExportFile(content)
        model = rebuilt_model(file)
        recorded = recorded_answers(file, model)
        given: Mapping[str, Any] = file.document["libraries"]
        libraries = {library: str(given[library])[:40] for library in LIBRARIES if library in given}
    return model, recorded, libraries


def _certified(model: Any, recorded: RecordedAnswers, name: str, report: Report) -> Certification:
    with as_refusal(name):
        try:
            return certify_recorded(recorded_model(model, recorded), recorded.sample, report=report)
        except NotCompilable as error:
            raise ImportRefused(
                f"{name} cannot be served without its original: {error}; serve the pickle with the"
                " scikit-learn that fitted it, or fit the model again"
            ) from None


def _explained(model: Any, recorded: RecordedAnswers) -> ExplanationRecord:
    """What explains the model: nothing calls it, its compiled preprocessing transforms the rows."""
    signature, last = recorded.signature, split(model)[1]

    def prepare(rows: Rows, transformers: list[Any]) -> Any:
        return compile_preprocessing(transformers, signature, last).apply(rows)

    rows = recorded.sample
    return explanation_record(
        model, signature, recorded.output, rows, _answered(recorded), [rows], prepare=prepare
    )


def _answered(recorded: RecordedAnswers) -> EngineOutput:
    """The answers to `RecordedAnswers.sample`."""
    reference: Reference = recorded.answers
    positions = np.flatnonzero(~reference.refused[: recorded.n_sample])
    values, probabilities = reference.output
    return EngineOutput(values[positions], None if probabilities is None else probabilities[positions])


def _expected(recorded: RecordedAnswers) -> Expected:
    """The first rows of the sample, as `FreshProcess` tries them."""
    answered, count = _answered(recorded), min(len(recorded.sample), FIRST_ROWS)
    shares: list[Any] = [None] * count
    if answered.probabilities is not None:
        shares = answered.probabilities[:count].tolist()
    rows = to_lists(take(recorded.sample, range(count)))
    return Expected(rows, answered.values[:count].tolist(), shares)


def _description(model: Any, recorded: RecordedAnswers) -> Metadata:
    signature, output = recorded.signature, recorded.output
    last, names = split(model)[1], list(signature.names)
    return {
        "signature": signature.to_dict(),
        "output": output.to_dict(),
        "feature_names": names,
        "n_features": len(names),
        "classes": list(output.classes),
        "n_classes": len(output.classes),
        "golden": golden_rows.record(recorded.sample, _answered(recorded), output),
        "model_type": type(last).__name__,
        "params": plain(parameters(last)),
        "feature_importance": feature_importance(last, names),
        "libraries": {},
    }
