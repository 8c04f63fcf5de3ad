"""Publishing: save a fitted model as a version that provably serves the model's predictions."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from app.exceptions import ArtifactInvalid
from app.models.certification.certify import Certification, certify
from app.models.certification.progress import Report, silent
from app.models.certification.user_onnx import with_user_onnx
from app.models.compilation.boosting.booster_files import as_estimator
from app.models.compilation.compilers import one_line
from app.models.compilation.user_onnx import USER_ONNX_FILE
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.explaining.explanation_record import explained_by_golden_rows, explanation_record
from app.models.loading import golden_rows, verification, version_code
from app.models.loading.unpickling import MODEL, SCALER, load_estimator
from app.models.publishing.artifacts import (
    dump,
    feature_importance,
    is_importable,
    library_versions,
    parameters,
    plain,
    read_modules,
)
from app.models.publishing.fresh_process import FreshProcess
from app.models.publishing.inspection import (
    InspectedModel,
    as_unsupported_model,
    check_is_model,
    check_is_transformer,
    inspect_model,
)
from app.models.repository.staging import keep, staging_folder
from app.models.repository.store import ModelStore
from app.models.repository.version_files import EXPLANATION, Metadata
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows
from app.settings.process import give_back_memory


@as_unsupported_model()
def publish(
    store: ModelStore,
    model: Any,
    scaler: Any = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    sample: Any = None,
    version: str | None = None,
    files: Mapping[str, bytes] | None = None,
    code: Sequence[str | Path] = (),
    by_value: bool = False,
    graph: bytes | None = None,
    inspected: InspectedModel | None = None,
    report: Report = silent,
) -> str:
    """Save a fitted model as a new version and return its name; does not activate it.

    Before the version becomes visible, a fresh process loads it: its predictions for the first thousand rows
    of the sample must equal those of ``model`` here.

    :param model: fitted classifier, regressor, outlier detector, clusterer, transformer or whole pipeline, or
        a booster of XGBoost, LightGBM or CatBoost.
    :param scaler: fitted transformer that is applied before ``model``, or None.
    :param metadata: additional metadata: ``metrics``, ``feature_names``, or anything else that is JSON.
    :param sample: training rows as ``scaler`` (or ``model``) takes them, the source of names, kinds, dtypes,
        statistics and golden rows; without it a numeric model is probed with random rows.
    :param files: additional files by name; hashed and verified like the model.
    :param code: files of Python modules that the model needs and the service has not; they travel with the
        version, and run where it is loaded.
    :param by_value: pickle by value, with cloudpickle, what has no name to import it by: lambdas, and the
        classes of a script or notebook. Such a version loads in the same minor version of Python only.
    :param graph: an ONNX file of the same model, a candidate for the ``onnx`` engine; the metadata says under
        ``supplied_onnx`` whether it passed.
    :param inspected: the result of `inspect_model`, instead of a sample.
    :param report: called with each step of the certification.
    :raises UnsupportedModel: if the model cannot be served; the message says what to do.
    :raises VersionExists: if ``version`` is taken.
    """
    if scaler is not None:
        check_is_transformer(scaler, "no transform method: is it the scaler?")
    model = as_estimator(model)
    check_is_model(model)
    extra = metadata or {}
    original = model if scaler is None else make_pipeline(scaler, model)
    by_value = by_value and not (is_importable(model) and is_importable(scaler))
    parts = {MODEL: model} | ({} if scaler is None else {SCALER: scaler})
    own = {name: dump(part, by_value=by_value) for name, part in parts.items()}
    modules = read_modules(code)
    process = FreshProcess.started()
    known = inspected is not None or sample is not None
    found = inspected or inspect_model(original, sample, extra.get("feature_names"))
    with staging_folder(store.root) as folder:
        kept = {name: keep(folder / name, own.pop(name)) for name in parts}
        give_back_memory()  # certification takes the most
        certification = _certify(original, found.signature, found.output, found.rows, graph, report, folder)
        document = plain(extra) | _description(model, found, statistics=known) | _record(certification, graph)
        report("a fresh process")
        document |= version_code.describe(modules, by_value=by_value)
        answers = found.rows, found.predicted
        explained = explanation_record(original, found.signature, found.output, *answers, found.background())
        document |= {EXPLANATION: explained.metadata}
        contents = {**(files or {}), **kept, **modules, **certification.files, **explained.files}
        check = partial(process.check, expected=found.replayed)
        return store.save(contents, document, version=version, check=check)


def _description(model: Any, inspected: InspectedModel, *, statistics: bool) -> Metadata:
    """The metadata of the model itself, with or without the statistics of the sample."""
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    signature, output = inspected.signature, inspected.output
    names = list(signature.names)
    return {
        "signature": (signature if statistics else signature.without_statistics()).to_dict(),
        "output": output.to_dict(),
        "feature_names": names,
        "n_features": len(names),
        "classes": list(output.classes),
        "n_classes": len(output.classes),
        "golden": golden_rows.record(inspected.rows, inspected.predicted, output),
        "model_type": type(final).__name__,
        "params": plain(parameters(final)),
        "feature_importance": feature_importance(final, names),
        "libraries": library_versions(model),
    }


def _record(certification: Certification, graph: bytes | None) -> Metadata:
    """The metadata of the engines."""
    recorded = certification.record()
    return recorded if graph is None else recorded | {"supplied_onnx": certification.supplied}


def recertify(store: ModelStore, version: str, *, report: Report = silent) -> Metadata:
    """Compile and certify a stored version again, record the result, and return its metadata.

    The golden rows replace the training rows, which are not stored: in explanations too, if the version has
    recorded none.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if its files are damaged, or its model does not load or answers its golden rows
        otherwise than when it was saved; the version then stays as it is.
    """
    artifact = verification.verify(store, version, verification.VerificationPolicy(sklearn_version="warn"))
    metadata, graph = artifact.metadata, artifact.files.get(USER_ONNX_FILE)
    rows = validate_rows(metadata["golden"]["rows"], artifact.input)
    estimator = load_estimator(artifact)
    _check_answers_as_before(artifact, estimator, rows)
    certification = _certify(estimator, artifact.input, artifact.output, rows, graph, report)
    document, files = metadata | _record(certification, graph), certification.files
    if not metadata.get(EXPLANATION, {}).get("method"):
        explained = explained_by_golden_rows(estimator, artifact, rows)
        document |= {EXPLANATION: explained.metadata}
        files = {**files, **explained.files}
    return store.replace_engines(version, files, document)


def _check_answers_as_before(artifact: verification.VersionArtifact, estimator: Any, rows: Rows) -> None:
    """:raises ArtifactInvalid: if the installed libraries make another model of the same pickle."""
    try:
        predicted = SklearnEngine(estimator, artifact.input, artifact.output).predict(rows)
        reason = golden_rows.disagreement(artifact.metadata["golden"], predicted, artifact.output)
    except Exception as error:  # a model of another version may raise anything
        reason = one_line(error)
    if reason:
        raise ArtifactInvalid(artifact.version, f"its model answers otherwise than when saved: {reason}")


def _certify(
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    rows: Rows,
    graph: bytes | None,
    report: Report,
    folder: Path | None = None,
) -> Certification:
    found = certify(estimator, signature, output, rows, report=report, folder=folder)
    if graph is None:
        return found
    report("the ONNX file supplied")
    return with_user_onnx(found, graph, estimator, signature, output, rows)
