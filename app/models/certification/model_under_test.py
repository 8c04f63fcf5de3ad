"""The model under certification: its parts, the probe rows, and its own predictions."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.models.certification.comparison import Predict, Reference, ask
from app.models.certification.probe_rows import ProbeRows, collect_probe_rows, first_prepared
from app.models.certification.thresholds import trees_of
from app.models.certification.variations import usual_magnitudes
from app.models.compilation import NotCompilable
from app.models.compilation.boosting.boosted_trees import library_of
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split, steps_of_transformer
from app.models.engines.kernel import LARGEST
from app.models.engines.nesting import estimators_in
from app.models.engines.output import EngineOutput
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.schema.rows import Matrix, Rows
from app.models.schema.signature import Feature, InputSignature, OutputSignature

EDGES_OUT_OF_REACH = "the edges of its trees cannot be tried through what stands before them"
# Bound of the estimator's input, which must fit float32.
REACH = 1e38
LIMITS = (LARGEST, 1e12, 1e9, 1e6)


@dataclass(frozen=True)
class ModelUnderTest:
    """A model under certification.

    ``preprocessor``: the preprocessing before ``last``, the final estimator, which takes ``width`` columns.
    ``raw`` and ``prepared``: predictions of the whole model and of ``last`` for the probe rows of that name.
    ``usual``: per column of the raw rows, the largest magnitude in training.
    ``limit``: the magnitude up to which numbers provably stay finite on their way to ``last``.
    ``takes_nan``: whether ``last`` answers rows with NaN. ``hidden_trees``: whether ``last`` has trees whose
    edges are not among the probe rows, so that only a proof covers them.
    ``estimator``: None if only the model's recorded answers are there, see `recorded_model`.
    """

    estimator: Any
    last: Any
    signature: InputSignature
    output: OutputSignature
    preprocessor: Preprocessor
    probe_rows: ProbeRows
    raw: Reference
    prepared: Reference | None
    width: int
    usual: tuple[float, ...]
    limit: float = LARGEST
    takes_nan: bool = False
    hidden_trees: bool = False

    @property
    def reference(self) -> SklearnEngine | None:
        """The whole model as an engine, or None if it is not there."""
        if self.estimator is None:
            return None
        return SklearnEngine(self.estimator, self.signature, self.output)


def analyse(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """Split a fitted model into its parts, and predict every probe row.

    :param training: rows of the training data that fit ``signature``.
    :raises NotCompilable: if the preprocessing has no compiled form.
    """
    transforms = output.task == "transformation"
    transformers, last = steps_of_transformer(estimator) if transforms else split(estimator)
    preprocessor = compile_preprocessing(transformers, signature, last)
    limit = limit_of(preprocessor)
    first = first_prepared(preprocessor.apply, training)
    alone = _alone(last, first.shape[1], output)
    invert = _inverse(transformers, signature, first)
    found = _probed(estimator, last, signature, output, training, preprocessor, invert)
    takes_nan, hidden = _takes_nan(alone, first), hides_trees(last)
    found = replace(found, limit=limit, takes_nan=takes_nan, hidden_trees=hidden)
    if not len(found.probe_rows.prepared):
        return found
    prepared, edges = ask(alone, found.probe_rows.prepared)
    return replace(found, probe_rows=replace(found.probe_rows, prepared=np.asarray(prepared)), prepared=edges)


def limit_of(preprocessor: Preprocessor) -> float:
    """The magnitude up to which numbers provably stay finite through a preprocessor.

    :raises NotCompilable: if there is none.
    """
    for limit in LIMITS:
        if preprocessor.reach(limit) < REACH:
            return limit
    raise NotCompilable("no range of numbers is known to stay finite through its steps")


def analyse_whole(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """Predict every probe row with a model whose parts have no compiled form.

    :param training: rows of the training data that fit ``signature``, all of numbers.
    :raises NotCompilable: if the edges of the model's trees cannot be tried.
    """
    if any(hasattr(part, "tree_") or hasattr(part, "_predictors") for part in estimators_in(estimator)):
        raise NotCompilable(EDGES_OUT_OF_REACH)
    return _probed(estimator, estimator, signature, output, training, Preprocessor(), None)


def _probed(
    estimator: Any,
    last: Any,
    signature: InputSignature,
    output: OutputSignature,
    training: Rows,
    preprocessor: Preprocessor,
    invert: Callable[[Matrix], Matrix] | None,
) -> ModelUnderTest:
    """The model with its probe rows, and its predictions for the raw ones."""
    predict, prepare = SklearnEngine(estimator, signature, output).predict, preprocessor.apply
    rows = collect_probe_rows(
        training, signature, predict=predict, prepare=prepare, invert=invert, estimator=last
    )
    raw, found = ask(predict, rows.raw)
    rows = replace(rows, raw=raw)
    width, usual = first_prepared(prepare, training).shape[1], usual_magnitudes(training)
    return ModelUnderTest(estimator, last, signature, output, preprocessor, rows, found, None, width, usual)


def _alone(last: Any, width: int, output: OutputSignature) -> Predict:
    """The last estimator's predictions for prepared rows."""
    columns = InputSignature(tuple(Feature(f"column {i}", "number") for i in range(width)), "array")
    engine = SklearnEngine(last, columns, output)

    def predict(rows: Rows) -> EngineOutput:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing feature names
            return engine.predict(rows)

    return predict


def _takes_nan(predict: Predict, prepared: Matrix) -> bool:
    """True if the estimator answers rows with NaN in any column."""
    try:
        return bool(np.isfinite(predict(np.full_like(prepared, np.nan)).values).all())
    except Exception:  # an estimator may raise anything
        return False


def hides_trees(last: Any) -> bool:
    """True if the estimator has trees that `trees_of` does not find, or may have."""
    if library_of(last):
        return False
    parts = list({id(part): part for part in estimators_in(last)}.values())
    trees = sum(hasattr(part, "tree_") for part in parts)
    trees += sum(len(iteration) for part in parts for iteration in getattr(part, "_predictors", ()))
    return any(map(library_of, parts)) or trees != sum(1 for _ in trees_of(last))


def _inverse(
    transformers: list[Any], signature: InputSignature, prepared: Matrix
) -> Callable[[Matrix], Matrix] | None:
    """From prepared rows back to raw ones, if every transformer has an inverse.

    :param prepared: rows for a trial: SimpleImputer has the method, and mostly raises in it.
    """
    if not signature.plain or not all(hasattr(t, "inverse_transform") for t in transformers):
        return None

    def invert(rows: Matrix) -> Matrix:
        for transformer in reversed(transformers):
            rows = np.asarray(transformer.inverse_transform(rows), dtype=np.float64)
        return rows

    try:
        invert(prepared)
    except Exception:
        return None
    return invert
