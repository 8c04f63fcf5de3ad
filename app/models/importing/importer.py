"""Import a model from its files: read, inspect and publish it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from app.models.certification.progress import Report, silent
from app.models.compilation.boosting.booster_files import SUFFIXES, read_booster
from app.models.engines.nesting import estimators_in
from app.models.engines.partial import predict_partially
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.importing.exported.export_file import EXPORT
from app.models.importing.exported.publish_export import import_export
from app.models.importing.request import ImportRequest
from app.models.loading.version_code import importable
from app.models.publishing.artifacts import read_modules
from app.models.publishing.columns import as_rows, column_transformers
from app.models.publishing.inspection import InspectedModel, check_is_model, inspect_model
from app.models.publishing.publish import as_unsupported_model, publish
from app.models.publishing.sample import SampleMismatch, sample_frame
from app.models.repository.store import ModelStore
from app.models.training import datasets, evaluation
from app.models.untrusted import ImportRefused
from app.models.untrusted.reading import read_estimator


@dataclass(frozen=True)
class Sample:
    """Rows like the training data, and their target if known."""

    rows: pd.DataFrame
    target: "pd.Series[Any] | None"


def import_files(request: ImportRequest, *, report: Report = silent) -> str:
    """Read the files, save their model as a version, and return its name.

    :param report: called with each step.
    :raises UnsupportedModel: if a file cannot be read, or the model cannot be served.
    :raises DataError: if the sample cannot be read.
    :raises VersionExists: if the version is taken.
    """

    for path in request.files:
        if not path.is_file():  # a pipe would be waited for
            raise ImportRefused(f"{path.name} is no regular file")

    def certifying(part: str, share: float | None = None, /) -> None:
        report(f"Certifying: {part}", share)

    def read(path: Path) -> Any:
        report(f"Reading {path.name}")
        if path.suffix in SUFFIXES:
            return read_booster(path)
        return read_estimator(path, trust=request.trust, types=request.types, policy=request.policy)

    if request.model.suffix == EXPORT:
        report(f"Reading {request.model.name}")
        return import_export(
            ModelStore(request.root), request.model, version=request.version, report=certifying
        )
    if request.sample is None:
        raise ImportRefused(f"{request.model.name} holds no rows: --sample names a file of them")
    with importable(read_modules(request.code)):
        model, scaler = read(request.model), read(request.scaler) if request.scaler else None
    report("Reading the sample")
    return import_model(
        ModelStore(request.root),
        model,
        scaler,
        read_sample(request.sample, request.target, text=text_columns(model, request.target)),
        version=request.version,
        graph=request.onnx.read_bytes() if request.onnx else None,
        code=request.code,
        by_value=request.trust,
        report=certifying,
    )


def read_sample(path: Path, target: str | None, *, text: frozenset[str] = frozenset()) -> Sample:
    """The rows of a CSV or Parquet file, with the target apart.

    :param text: columns to read as text, see `text_columns`.
    :raises DataError: if the file cannot be read, or lacks the target or rows.
    """
    frame = datasets.read(path, text=text)
    if target is not None and target not in frame.columns:
        raise datasets.DataError(f"{path} has no column {target!r}; it has: {', '.join(map(str, frame))}")
    if frame.empty:
        raise datasets.DataError(f"{path} has no rows")
    rows = frame if target is None else frame.drop(columns=[target])
    return Sample(rows, None if target is None else frame[target])


def text_columns(model: Any, target: str | None) -> frozenset[str]:
    """Columns with text in the training data, by encoders' categories; the target by the classes."""
    found: set[str] = set()
    with as_unsupported_model():
        branches = [each for each in column_transformers(model) if isinstance(each[1], list)]
        own = [(part, getattr(part, "feature_names_in_", None)) for part in estimators_in(model)]
        for transformer, names in (*branches, *own):
            for part in estimators_in(transformer):
                known = getattr(part, "categories_", None)
                if names is not None and known is not None and len(known) == len(names):
                    found |= {str(name) for name, each in zip(names, known, strict=True) if _holds_text(each)}
        classes = getattr(model, "classes_", None)
        if target is not None and classes is not None and _holds_text(classes):
            found.add(target)
    return frozenset(found)


def import_model(
    store: ModelStore,
    model: Any,
    scaler: Any,
    sample: Sample,
    *,
    version: str | None = None,
    graph: bytes | None = None,
    code: Sequence[Path] = (),
    by_value: bool = False,
    report: Report = silent,
) -> str:
    """Save a fitted model as a version, with golden rows and names from the sample, and return its name.

    :param graph, code, by_value: see `publish`.
    :raises UnsupportedModel: if the model does not predict the sample, or cannot be served.
    :raises VersionExists: if ``version`` is taken.
    """
    check_is_model(model)
    original = model if scaler is None else make_pipeline(scaler, model)
    metadata: dict[str, Any] = {"imported": True, "metrics": {}}
    with as_unsupported_model():
        try:
            inspected = inspect_model(original, sample.rows)
        except SampleMismatch as error:
            hint = "" if sample.target is not None else " (--target names it)"
            raise ImportRefused(f"{error.message}{hint}") from None
        if sample.target is not None and (inspected.output.classes or inspected.output.task == "regression"):
            metadata["metrics"] = _metrics(original, inspected, sample.rows, sample.target)
            metadata["rows_without_target"] = int(sample.target.isna().sum())
    options: dict[str, Any] = {"version": version, "graph": graph, "code": code, "by_value": by_value}
    return publish(store, model, scaler, metadata, inspected=inspected, report=report, **options)


def _holds_text(labels: Any) -> bool:
    return any(isinstance(label, str) for label in np.asarray(labels, dtype=object).ravel().tolist())


def _metrics(
    original: Any, inspected: InspectedModel, rows: pd.DataFrame, target: "pd.Series[Any]"
) -> Mapping[str, float]:
    """Metrics on the answered rows of the sample, which may be training data."""
    output = inspected.output
    engine = SklearnEngine(original, inspected.signature, output)
    found = predict_partially(engine.predict, as_rows(sample_frame(original, rows), inspected.signature))
    known = set(np.flatnonzero(target.notna()).tolist())
    scored = [position for position in found.answered if position in known]
    if not scored:
        return {}
    values = [found.answers[position].values[0] for position in scored]
    predicted = output.decoded(values)
    task: datasets.Task = "classification" if output.classes else "regression"
    try:
        return evaluation.metrics(task, target.iloc[scored].tolist(), predicted)
    except (ValueError, TypeError) as error:
        raise ImportRefused(f"the target is not what the model predicts: {error}") from None
