"""From a fitted estimator to a stored version."""

import io
from collections.abc import Mapping
from importlib.metadata import version as installed
from platform import python_version
from typing import Any

import joblib
import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline

from app.models import gate, golden, introspection
from app.models.certification.certify import Certification, Report, certify
from app.models.certification.supplied import with_supplied
from app.models.compilation.supplied import SUPPLIED_FILE
from app.models.conformance import conform
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.loading import MODEL, SCALER, load_estimator
from app.models.rows import Rows
from app.models.signature import InputSignature, OutputSignature
from app.models.store import Metadata, ModelStore

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
    report: Report = lambda step: None,
) -> str:
    """Save a fitted model as a new version and return its name; does not activate it.

    :param model: fitted classifier, regressor, outlier detector or whole pipeline.
    :param scaler: fitted transformer that is applied before ``model``, or None.
    :param metadata: what to record beside what is found out here: ``metrics``, ``feature_names``,
        or anything else that is JSON.
    :param sample: training rows as ``scaler`` (or ``model``) takes them, the source of names, kinds,
        statistics and golden rows; without it a numeric model is probed with random rows.
    :param files: what to keep beside the model, by name; hashed and verified as the model is.
    :param graph: an ONNX file of the same model, a candidate for the ``onnx`` engine; whether it passed
        stands in the metadata under ``supplied_onnx``.
    :param report: called with each step of the certification, for those who wait.
    :raises UnsupportedModel: if the model cannot be served.
    :raises VersionExists: if ``version`` is taken.
    """
    extra = dict(metadata or {})
    own = {MODEL: _dump(model)} | ({} if scaler is None else {SCALER: _dump(scaler)})
    # Work on what a server will load, and leave the caller's objects alone.
    loaded = {name: joblib.load(io.BytesIO(content)) for name, content in own.items()}
    estimator = make_pipeline(loaded[SCALER], loaded[MODEL]) if scaler is not None else loaded[MODEL]
    found, compiled = _examine(estimator, sample, extra.pop("feature_names", None), graph, report)
    final = model.steps[-1][1] if isinstance(model, Pipeline) else model
    found |= {
        "model_type": type(final).__name__,
        "params": _plain(final.get_params(deep=False)),
        "feature_importance": _feature_importance(final, found["feature_names"]),
        "libraries": {name: installed(name) for name in LIBRARIES} | {"python": python_version()},
    }
    return store.save({**(files or {}), **own, **compiled}, _plain(extra) | found, version=version)


def recertify(store: ModelStore, version: str, *, report: Report = lambda step: None) -> Metadata:
    """Compile and certify a stored version again, record the result, and return its metadata.

    The training rows are not stored; the golden rows, which come from them, take their place.

    :raises VersionNotFound: if there is no such version.
    :raises ArtifactInvalid: if its files are damaged.
    """
    admitted = gate.admit(store, version, gate.Policy(sklearn_version="warn"))
    metadata, signature, output = admitted.metadata, admitted.input, admitted.output
    estimator = load_estimator(admitted)
    rows = conform(metadata["golden"]["rows"], signature)
    graph = admitted.files.get(SUPPLIED_FILE)
    certification = _certify(estimator, signature, output, rows, graph, report)
    recorded: Metadata = {"engine": certification.engine, "certificates": certification.certificates}
    if graph is not None:
        recorded |= {"supplied_onnx": certification.supplied}
    return store.replace_engines(version, certification.files, metadata | recorded)


def _examine(
    estimator: Any, sample: Any, feature_names: Any, graph: bytes | None, report: Report
) -> tuple[Metadata, dict[str, bytes]]:
    """Signatures, golden rows, certificates and compiled files: what is read off the estimator at work."""
    known = sample is not None
    frame = introspection.sample_frame(
        estimator, sample if known else introspection.stand_in_sample(estimator), feature_names
    )
    output = introspection.output_signature(estimator)
    signature = introspection.input_signature(estimator, frame, output)
    rows = introspection.as_rows(frame, signature)
    outcome = SklearnEngine(estimator, signature.layout, output).predict(rows)
    certification = _certify(estimator, signature, output, rows, graph, report)
    if not known:
        signature = signature.without_statistics()
    found = {
        "signature": signature.to_dict(),
        "output": output.to_dict(),
        "feature_names": list(signature.names),
        "n_features": len(signature.features),
        "classes": list(output.classes),
        "n_classes": len(output.classes),
        "golden": golden.record(rows, outcome, output),
        "engine": certification.engine,
        "certificates": certification.certificates,
    }
    if graph is not None:
        found["supplied_onnx"] = certification.supplied
    return found, certification.files


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
    return with_supplied(found, graph, estimator, signature, output, rows)


def _feature_importance(estimator: Any, names: list[str]) -> dict[str, float] | None:
    """Impurity importances, or mean absolute coefficients, by column; None where there are none."""
    weights = getattr(estimator, "feature_importances_", None)
    if weights is None:
        coefficients = getattr(estimator, "coef_", None)
        if not isinstance(coefficients, np.ndarray):
            return None
        weights = np.abs(np.atleast_2d(coefficients)).mean(axis=0)
    if len(weights) != len(names):
        return None
    return dict(zip(names, np.asarray(weights, dtype=float).tolist(), strict=True))


def _dump(estimator: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer, compress=3)
    return buffer.getvalue()


def _plain(value: Any) -> Any:
    """The value as JSON, with the ``repr`` of whatever JSON has no form for."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return repr(value)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
