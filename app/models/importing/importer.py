"""Import a model from its files: read, inspect and publish it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline

from app.models.certification.progress import Report, silent
from app.models.compilation.boosting.booster_files import SUFFIXES, read_booster
from app.models.engines.partial import predict_partially
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.importing.encoded_columns import text_columns
from app.models.importing.exported.export_file import EXPORT
from app.models.importing.exported.publish_export import import_export
from app.models.importing.mlflow.input_example import (
    EXAMPLE,
    as_inspected_by_example,
    read_example,
    text_of,
    typed,
)
from app.models.importing.mlflow.mlmodel import MLmodel
from app.models.importing.request import ImportRequest
from app.models.loading.version_code import importable
from app.models.publishing.artifacts import read_modules
from app.models.publishing.columns import as_rows
from app.models.publishing.inspection import (
    InspectedModel,
    as_unsupported_model,
    check_is_model,
    inspect_model,
)
from app.models.publishing.publish import publish
from app.models.publishing.sample import SampleMismatch, sample_frame
from app.models.repository.store import ModelStore
from app.models.training import datasets, evaluation
from app.models.untrusted import ImportRefused
from app.models.untrusted.reading import read_estimator


@dataclass(frozen=True)
class Sample:
    """Rows like the training data, and their target if known; ``is_example``: a few, whose ranges say nothing
    of the training data."""

    rows: "pd.DataFrame | NDArray[Any]"
    target: "pd.Series[Any] | None"
    is_example: bool = False


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
    mlmodel = MLmodel.read(request.mlmodel) if request.mlmodel else None
    with importable(read_modules(request.code)):
        model, scaler = read(request.model), read(request.scaler) if request.scaler else None
    report("Reading the sample")
    return import_model(
        ModelStore(request.root),
        model,
        scaler,
        _sample(request, mlmodel, model),
        version=request.version,
        graph=request.onnx.read_bytes() if request.onnx else None,
        code=request.code,
        by_value=request.trust,
        metadata={"mlflow": {**mlmodel.about, **request.origin}} if mlmodel else {},
        report=certifying,
    )


def _sample(request: ImportRequest, mlmodel: MLmodel | None, model: Any) -> Sample:
    if request.sample is None:
        raise ImportRefused(f"{request.model.name} holds no rows: --sample names a file of them")
    if mlmodel and request.sample.suffix == EXAMPLE:
        return Sample(read_example(request.sample, mlmodel), None, is_example=True)
    columns = mlmodel.columns if mlmodel else {}
    text = text_columns(model, request.target) | text_of(columns)
    frame, target = read_sample(request.sample, request.target, text=text)
    return Sample(typed(frame, columns), target)


def read_sample(
    path: Path, target: str | None, *, text: frozenset[str] = frozenset()
) -> "tuple[pd.DataFrame, pd.Series[Any] | None]":
    """The rows of a CSV or Parquet file, and the target apart.

    :param text: columns to read as text, see `text_columns`.
    :raises DataError: if the file cannot be read, or lacks the target or rows.
    """
    frame = datasets.read(path, text=text)
    if target is not None and target not in frame.columns:
        raise datasets.DataError(f"{path} has no column {target!r}; it has: {', '.join(map(str, frame))}")
    if frame.empty:
        raise datasets.DataError(f"{path} has no rows")
    rows = frame if target is None else frame.drop(columns=[target])
    return rows, None if target is None else frame[target]


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
    metadata: Mapping[str, Any] | None = None,
    report: Report = silent,
) -> str:
    """Save a fitted model as a version, with golden rows and names from the sample, and return its name.

    :param graph, code, by_value, metadata: see `publish`.
    :raises UnsupportedModel: if the model does not predict the sample, or cannot be served.
    :raises VersionExists: if ``version`` is taken.
    """
    check_is_model(model)
    original = model if scaler is None else make_pipeline(scaler, model)
    document: dict[str, Any] = {**(metadata or {}), "imported": True, "metrics": {}}
    with as_unsupported_model():
        try:
            inspected = inspect_model(original, sample.rows)
            if sample.is_example:
                inspected = as_inspected_by_example(inspected, original)
        except SampleMismatch as error:
            hint = "" if sample.target is not None else " (--target names it)"
            raise ImportRefused(f"{error.message}{hint}") from None
        if sample.target is not None and (inspected.output.classes or inspected.output.task == "regression"):
            document["metrics"] = _metrics(original, inspected, sample.rows, sample.target)
            document["rows_without_target"] = int(sample.target.isna().sum())
    options: dict[str, Any] = {"version": version, "graph": graph, "code": code, "by_value": by_value}
    return publish(store, model, scaler, document, inspected=inspected, report=report, **options)


def _metrics(
    original: Any, inspected: InspectedModel, rows: Any, target: "pd.Series[Any]"
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
