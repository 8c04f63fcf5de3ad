"""What a version records when it is published, so that its answers can be explained."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from app.models.compilation.pipeline_preprocessing import split
from app.models.engines.output import EngineOutput
from app.models.explaining.column_sources import MixesColumns, Sources, column_sources, listed
from app.models.explaining.explanation import NotExplainable
from app.models.explaining.linear_margins import LinearMargins
from app.models.explaining.linear_weights import folded, is_affine, is_linear, mean_row, weights_of
from app.models.explaining.original_steps import as_matrix, transformed
from app.models.explaining.prepared_rows import ALONE
from app.models.explaining.scales import scale_of
from app.models.explaining.tree_arrays import has_trees, is_isolation_forest, tree_arrays
from app.models.explaining.tree_margins import is_of_trees
from app.models.loading import golden_rows
from app.models.loading.verification import VersionArtifact
from app.models.repository.version_files import EXPLANATION_FILE, Metadata
from app.models.schema.rows import Matrix, Rows, take
from app.models.schema.signature import InputSignature, OutputSignature

CHECKED_ROWS = 200
NO_SAMPLE = "the version was published without a sample of its training data, whose average is the base"

# From rows of the caller and the transformers before the model to its columns.
Prepare = Callable[[Rows, list[Any]], Any]


@dataclass(frozen=True)
class ExplanationRecord:
    """``metadata``: ``method``, or None and the ``reason``; ``steps``: how many transformers stand before the
    recorded weights, if not all of them; ``recorded``: whether the file has trees. ``files`` by name.
    """

    metadata: Metadata
    files: dict[str, bytes] = field(default_factory=dict)


def explanation_record(
    estimator: Any,
    signature: InputSignature,
    output: OutputSignature,
    rows: Rows,
    predicted: EngineOutput,
    background: Iterable[Rows] | None,
    prepare: Prepare | None = None,
) -> ExplanationRecord:
    """How to explain a fitted model; whatever its code raises becomes a reason.

    :param rows: rows that it ``predicted``, on which a linear model's margins are compared with its answers.
    :param background: the training sample in parts, whose average is the base of linear models; or None.
    :param prepare: applies the transformers where the model is not here, which cannot be called then.
    """

    def call(some: Rows, transformers: list[Any]) -> Any:
        return transformed(some, signature, transformers)

    try:
        transformers, model = explained_parts(estimator, output)
        if is_of_trees(model):
            sources = column_sources(transformers, len(signature.features))
            if has_trees(model):
                tree_arrays(model).check_steps()
            return ExplanationRecord({"method": "tree_shap"}) if prepare is None else _trees(model, sources)
        first = range(min(len(rows), CHECKED_ROWS))
        checked = take(rows, first), predicted.first(len(first))
        found = _weighted(transformers, model, len(signature.features), fold=prepare is None)
        return _linear(found, checked, output, background, prepare or call)
    except NotExplainable as error:
        return ExplanationRecord({"method": None, "reason": str(error)})
    except (
        Exception
    ) as error:  # a custom model may raise anything; clients read the reason, but not its words
        reason = f"the model cannot be taken apart: {type(error).__name__}"
        return ExplanationRecord({"method": None, "reason": reason})


def explained_by_golden_rows(estimator: Any, artifact: VersionArtifact, rows: Rows) -> ExplanationRecord:
    """How to explain a stored model, whose training sample is no longer there.

    :param rows: the golden rows of the version, whose average is the base if they are training rows.
    """
    known = any(feature.statistics for feature in artifact.input.features)
    answers = golden_rows.answers(artifact.metadata["golden"])
    background = [rows] if known else None
    return explanation_record(estimator, artifact.input, artifact.output, rows, answers, background)


def explained_parts(estimator: Any, output: OutputSignature) -> tuple[list[Any], Any]:
    """The transformers of a model and its final estimator.

    :raises NotExplainable: if the final estimator has no exact explanation.
    """
    transformers, model = split(estimator)
    name = type(model).__name__
    if output.task in ("clustering", "transformation") or not (is_of_trees(model) or is_linear(model)):
        raise NotExplainable(f"{name} has no exact explanation: only linear models and trees have one")
    if output.targets or len(output.center) > 1:
        raise NotExplainable(f"{name} predicts several targets, and an explanation is of one")
    return transformers, model


def _trees(model: Any, sources: Sources) -> ExplanationRecord:
    """The trees of a model that will not be there."""
    if not has_trees(model):
        raise NotExplainable(ALONE)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = tree_arrays(model).to_arrays()
    np.savez_compressed(buffer, sources=np.array(listed(sources, model.n_features_in_)), **arrays)
    about: Metadata = {"method": "tree_shap", "recorded": True}
    if is_isolation_forest(model):
        about["scale"] = "score"
    return ExplanationRecord(about, {EXPLANATION_FILE: buffer.getvalue()})


class _Weighted(NamedTuple):
    """A linear model over the columns behind ``transformers``, the first ``steps`` of all if not None."""

    transformers: list[Any]
    steps: int | None
    weights: Matrix
    intercept: Matrix
    sources: list[int]


def _weighted(transformers: list[Any], model: Any, width: int, *, fold: bool) -> _Weighted:
    """:param fold: whether affine transformers that mix columns may become part of the weights."""
    weights, intercept = weights_of(model)
    try:
        sources = column_sources(transformers, width)
        return _Weighted(transformers, None, weights, intercept, listed(sources, weights.shape[1]))
    except MixesColumns as error:
        before, mixing = transformers[: error.step], transformers[error.step :]
        if not (fold and all(map(is_affine, mixing))):
            raise
        weights, intercept = folded(weights, intercept, mixing)
        sources = listed(column_sources(before, width), weights.shape[1])
        return _Weighted(before, error.step, weights, intercept, sources)


def _linear(
    found: _Weighted,
    checked: tuple[Rows, EngineOutput],
    output: OutputSignature,
    background: Iterable[Rows] | None,
    prepare: Prepare,
) -> ExplanationRecord:
    def prepared(rows: Rows) -> Any:
        return as_matrix(prepare(rows, found.transformers))

    margins = np.asarray(prepared(checked[0]) @ found.weights.T + found.intercept)
    metadata: Metadata = {"method": "linear", "scale": scale_of(margins, checked[1], output)}
    if found.steps is not None:
        metadata["steps"] = found.steps
    if background is None:
        raise NotExplainable(NO_SAMPLE)
    means, metadata["rows"] = mean_row(_finite_rows(background, prepared))
    recorded = LinearMargins(found.weights, found.intercept, means, np.array(found.sources))
    return ExplanationRecord(metadata, {EXPLANATION_FILE: recorded.to_bytes()})


def _finite_rows(parts: Iterable[Rows], prepared: Callable[[Rows], Any]) -> Iterator[Any]:
    """The transformed rows of each part, without those that a transformer refuses or that are not finite."""
    for part in parts:
        try:
            found = _finite(prepared(part))
        except Exception:  # for some of the rows, which the model does not answer either
            if len(part) > 1:
                middle = len(part) // 2
                halves = take(part, range(middle)), take(part, range(middle, len(part)))
                yield from _finite_rows(halves, prepared)
        else:
            yield found


def _finite(rows: Any) -> Any:
    """:raises ValueError: for numbers of sparse rows that are not finite."""
    if hasattr(rows, "toarray"):
        if not np.isfinite(rows.data).all():
            raise ValueError("a number is not finite")
        return rows
    return rows[np.isfinite(rows).all(axis=1)]
