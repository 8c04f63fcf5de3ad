"""Save a fitted model as a version, once it was seen to serve what the model answers."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as installed
from platform import python_version
from typing import Any

from sklearn.pipeline import Pipeline, make_pipeline

from app.exceptions import ServiceError, UnsupportedModel
from app.models.certification.certify import Certification, Report, certify
from app.models.certification.user_onnx import with_user_onnx
from app.models.compilation.compilers import one_line
from app.models.compilation.user_onnx import USER_ONNX_FILE
from app.models.loading import golden_rows, verification
from app.models.loading.loader import MODEL, SCALER, load_estimator
from app.models.publishing.artifacts import dump, feature_importance, parameters, plain
from app.models.publishing.fresh_process import FreshProcess
from app.models.publishing.inspection import InspectedModel, inspect_model
from app.models.repository.store import Metadata, ModelStore
from app.models.schema.rows import Rows
from app.models.schema.signature import InputSignature, OutputSignature
from app.models.schema.validation import validate_rows

LIBRARIES = ("scikit-learn", "numpy", "pandas", "joblib")


def publish(
    store: ModelStore,
    model: Any,
    scaler: Any = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    sample: Any = None,
    version: str | None = None,
    files: Mapping[str, bytes] | None = None,
    graph: bytes | None = None,
    inspected: InspectedModel | None = None,
    report: Report = lambda step: None,
) -> str:
    """Save a fitted model as a new version and return its name; does not activate it.

    Before it becomes visible the version is loaded in a fresh process, where the first thousand rows of the
    sample must get the answers that ``model`` itself gives here.

    :param model: fitted classifier, regressor, outlier detector, clusterer or whole pipeline.
    :param scaler: fitted transformer that is applied before ``model``, or None.
    :param metadata: what to record beside what is found out here: ``metrics``, ``feature_names``,
        or anything else that is JSON.
    :param sample: training rows as ``scaler`` (or ``model``) takes them, the source of names, kinds, dtypes,
        statistics and golden rows; without it a numeric model is probed with random rows.
    :param files: what to keep beside the model, by name; hashed and verified as the model is.
    :param graph: an ONNX file of the same model, a candidate for the ``onnx`` engine; whether it passed
        stands in the metadata under ``supplied_onnx``.
    :param under_test: what `inspect_model` found out about the model, instead of a sample.
    :param report: called with each step of the certification, for those who wait.
    :raises UnsupportedModel: if the model cannot be served; the message says what to do.
    :raises VersionExists: if ``version`` is taken.
    """
    with in_a_sentence():
        return _publish(store, model, scaler, metadata, sample, version, files, graph, inspected, report)


def _publish(
    store: ModelStore,
    model: Any,
    scaler: Any,
    metadata: Mapping[str, Any] | None,
    sample: Any,
    version: str | None,
    files: Mapping[str, bytes] | None,
    graph: bytes | None,
    inspected: InspectedModel | None,
    report: Report,
) -> str:
    for part, method in ((scaler, "transform"), (model, "predict")):
        if part is not None or method == "predict":
            check_has(part, method)
    extra = dict(metadata or {})
    original = model if scaler is None else make_pipeline(scaler, model)
    own = {MODEL: dump(model)} | ({} if scaler is None else {SCALER: dump(scaler)})
    process = FreshProcess.started()
    feature_names = extra.pop("feature_names", None)
    known = inspected is not None or sample is not None
    inspected = inspected or inspect_model(original, sample, feature_names)
    signature, output = inspected.signature, inspected.output
    certification = _certify(original, signature, output, inspected.rows, graph, report)
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    names = list(signature.names)
    found = {
        "signature": (signature if known else signature.without_statistics()).to_dict(),
        "output": output.to_dict(),
        "feature_names": names,
        "n_features": len(names),
        "classes": list(output.classes),
        "n_classes": len(output.classes),
        "golden": golden_rows.record(inspected.rows, inspected.outcome, output),
        "engine": certification.engine,
        "certificates": certification.certificates,
        "model_type": type(final).__name__,
        "params": plain(parameters(final)),
        "feature_importance": feature_importance(final, names),
        "libraries": {name: installed(name) for name in LIBRARIES} | {"python": python_version()},
    }
    if graph is not None:
        found["supplied_onnx"] = certification.supplied
    report("a fresh process")
    return store.save(
        {**(files or {}), **own, **certification.files},
        plain(extra) | found,
        version=version,
        check=lambda staging, name: process.check(staging, name, inspected.replayed),
    )


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Nothing but a sentence leaves what is done with a model of one's own, which may raise anything
    anywhere.

    :raises UnsupportedModel: in place of whatever was raised.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows that are odd on purpose
            yield
    except (ServiceError, OSError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise UnsupportedModel(f"the model cannot be served: {one_line(error)}") from error


def check_has(part: Any, method: str) -> None:
    """:raises UnsupportedModel: for a model without ``predict``, or a scaler without ``transform``."""
    if isinstance(part, type):
        raise UnsupportedModel(f"{part.__name__} is a class: fit an object of it")
    if not callable(getattr(part, method, None)):
        hint = ": is it the model?" if method == "predict" else ": is it the scaler?"
        raise UnsupportedModel(f"a {type(part).__name__} has no {method} method{hint}")


def recertify(store: ModelStore, version: str, *, report: Report = lambda step: None) -> Metadata:
    """Compile and certify a stored version again, record the result, and return its metadata.

    The training rows are not stored; the golden rows, which come from them, take their place.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if its files are damaged.
    """
    artifact = verification.verify(store, version, verification.VerificationPolicy(sklearn_version="warn"))
    metadata, signature, output = artifact.metadata, artifact.input, artifact.output
    estimator = load_estimator(artifact)
    rows = validate_rows(metadata["golden"]["rows"], signature)
    graph = artifact.files.get(USER_ONNX_FILE)
    certification = _certify(estimator, signature, output, rows, graph, report)
    recorded: Metadata = {"engine": certification.engine, "certificates": certification.certificates}
    if graph is not None:
        recorded |= {"supplied_onnx": certification.supplied}
    return store.replace_engines(version, certification.files, metadata | recorded)


def _certify(
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    rows: Rows,
    graph: bytes | None,
    report: Report,
) -> Certification:
    found = certify(estimator, signature, output, rows, report=report)
    if graph is None:
        return found
    report("the ONNX file supplied")
    return with_user_onnx(found, graph, estimator, signature, output, rows)
