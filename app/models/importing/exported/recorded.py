"""The rows and answers of an export, and the signatures that follow from them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import is_outlier_detector, is_regressor

from app.models.certification.comparison import Reference
from app.models.certification.recorded_model import Edges, RecordedAnswers
from app.models.engines.output import EngineOutput
from app.models.importing.exported.export_file import ExportFile
from app.models.importing.exported.rebuilding import Rebuilder
from app.models.publishing.columns import feature_of
from app.models.schema.rows import Rows, Table
from app.models.schema.signature import Feature, InputSignature, Layout, OutputSignature
from app.models.untrusted import Unsound

OUTLIER, INLIER = -1, 1
LABELS = (str, int, float, bool)


def recorded_answers(file: ExportFile, model: Any) -> RecordedAnswers:
    """What the model answered where it was fitted.

    :param model: rebuilt from the same file; only asked what kind of model it is.
    :raises Unsound: if rows and answers do not fit together.
    """
    document = file.document
    about = document["columns"]
    columns = [_column(file, node) for node in document["rows"]]
    n_rows, n_sample = len(columns[0]), int(document["sample_rows"])
    if len(about) != len(columns) or {len(column) for column in columns} != {n_rows} or n_sample < 1:
        raise Unsound("its rows do not fit its columns")
    features = tuple(_feature(*pair, n_sample) for pair in zip(about, columns, strict=True))
    if len({feature.name for feature in features}) < len(features):
        raise Unsound("two of its columns have one name")
    signature = InputSignature(features, _layout(document, features))
    rows: Rows = Table(signature.names, tuple(columns))
    if signature.numeric:
        rows = np.ascontiguousarray(np.column_stack(columns))
    values, probabilities, refused = _answers(file, document["answers"], n_rows)
    if refused[:n_sample].all():
        raise Unsound("the model answered no row of its sample")
    known = values[:n_sample][~refused[:n_sample]]
    if targets := Rebuilder(file).values(document.get("targets") or []):
        output = _several_targets(targets, known, probabilities)
    else:
        output = _output(model, Rebuilder(file).value(document["classes"]), known, probabilities)
    answers = _reference(output, values, probabilities, refused)
    return RecordedAnswers(signature, output, rows, answers, n_sample, _edges(file, document, output))


def _layout(document: Mapping[str, Any], features: tuple[Feature, ...]) -> Layout:
    if not document.get("one_dimensional"):
        return "array" if all(feature.numeric for feature in features) else "frame"
    if [feature.kind for feature in features] != ["text"]:
        raise Unsound("it takes texts, and its sample is no single column of them")
    return "texts"


def _column(file: ExportFile, node: Mapping[str, Any]) -> NDArray[Any]:
    if "array" in node:
        return file.array(node["array"], kinds="f", ndim=1).astype(np.float64)
    codes = file.array(node["codes"], kinds="i", ndim=1)
    labels = [*map(str, node["labels"]), None]
    if ((codes < -1) | (codes >= len(labels) - 1)).any():
        raise Unsound("a column names labels that it does not have")
    found: NDArray[Any] = np.array(labels, dtype=object)[codes]
    return found


def _feature(about: Mapping[str, Any], column: NDArray[Any], n_sample: int) -> Feature:
    name, some = str(about["name"]), column[:n_sample]
    series = pd.Series(some, dtype=some.dtype)
    if about["kind"] == "boolean":
        series = series.astype(bool)
    found = feature_of(series, name, text=about["kind"] == "text")
    if found.kind != about["kind"]:
        raise Unsound(f"its column {name!r} is of another kind than it says")
    tolerant = bool(about["open"]) or (found.kind == "category" and not found.categories)
    return replace(found, nullable=bool(about["nullable"]), open=tolerant)


def _answers(file: ExportFile, node: Mapping[str, Any], n_rows: int) -> tuple[Any, Any, NDArray[np.bool_]]:
    values, refused = file.array(node["values"], kinds="iuf"), file.array(node["refused"], kinds="b")
    shares = node["probabilities"]
    probabilities = None if shares is None else file.array(shares, kinds="f", ndim=2).astype(np.float64)
    parts = (values, refused) if probabilities is None else (values, refused, probabilities)
    if {len(part) for part in parts} != {n_rows} or refused.ndim != 1 or values.ndim > 2:
        raise Unsound("its answers are not one for each row")
    if not np.isfinite(values[~refused].astype(np.float64)).all():
        raise Unsound("an answer is no finite number")
    return values, probabilities, refused


def _output(model: Any, classes: Any, known: NDArray[Any], probabilities: Any) -> OutputSignature:
    """:param known: the answers to the sample."""
    if classes is not None:
        _check_labels(classes)
        if probabilities is not None and probabilities.shape[1] != len(classes):
            raise Unsound("its probabilities are not one for each class")
        return OutputSignature("classification", tuple(classes), probabilities is not None)
    if known.dtype.kind in "iu" and known.ndim == 1 and not is_regressor(model):
        outliers = is_outlier_detector(model)
        return OutputSignature(*(("outlier_detection", (OUTLIER, INLIER)) if outliers else ("clustering",)))
    numbers = known.reshape(len(known), -1).astype(np.float64)
    center, spread = numbers.mean(axis=0).tolist(), numbers.std(axis=0).tolist()
    return OutputSignature("regression", center=tuple(center), spread=tuple(spread))


def _several_targets(targets: list[Any], known: NDArray[Any], probabilities: Any) -> OutputSignature:
    for labels in targets:
        _check_labels(labels)
    if known.shape[1:] != (len(targets),):
        raise Unsound("its answers are not one for each target")
    if probabilities is not None and probabilities.shape[1] != sum(map(len, targets)):
        raise Unsound("its probabilities are not one for each class")
    labels = tuple(map(tuple, targets))
    return OutputSignature("classification", probabilities=probabilities is not None, targets=labels)


def _check_labels(labels: Any) -> None:
    if not labels or not all(isinstance(label, LABELS) and label == label for label in labels):
        raise Unsound("its classes are neither text nor numbers")


def _reference(output: OutputSignature, values: Any, probabilities: Any, refused: Any) -> Reference:
    """:raises Unsound: for a label that is none of the model's."""
    if refused.all():
        return Reference(EngineOutput(np.zeros(len(refused)), None), refused)
    if output.task == "outlier_detection":
        values = np.where(np.isin(values, (OUTLIER, INLIER)), values == INLIER, len(output.classes))
        values[refused] = 0
    lengths = [len(labels) for labels in output.targets or (output.classes,)]
    if output.labelled and not output.whole:
        whole = values.dtype.kind in "iu" and values.shape[1:] == ((len(lengths),) if output.targets else ())
        if not whole or (values < 0).any() or (values >= np.array(lengths)).any():
            raise Unsound("an answer is none of its classes")
    values = values.astype(np.intp if output.labelled else np.float64)
    return Reference(EngineOutput(values, probabilities), refused)


def _edges(file: ExportFile, document: Mapping[str, Any], output: OutputSignature) -> Edges | None:
    node = document["prepared"]
    if node is None:
        return None
    rows = file.array(node["rows"], kinds="f", ndim=2).astype(np.float64)
    answers = _reference(output, *_answers(file, node, len(rows)))
    shares = answers.output.probabilities
    known = sum(map(len, output.targets or (output.classes,)))
    if len(rows) and shares is not None and shares.shape[1] != known:
        raise Unsound("its probabilities are not one for each class")
    return Edges(rows, answers, int(node["splits_tried"]), bool(node["takes_nan"]))
