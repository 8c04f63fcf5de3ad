"""A fitted model taken apart for certification, with its own answers."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.models.certification.comparison import Reference, ask
from app.models.certification.probe_rows import LARGEST, ProbeRows, collect_probe_rows
from app.models.certification.thresholds import trees_of
from app.models.compilation import NotCompilable
from app.models.compilation.nesting import estimators_in
from app.models.compilation.pipeline_preprocessing import compile_preprocessing, split
from app.models.engines.output import EngineOutput
from app.models.engines.preprocessing.preprocessor import Preprocessor
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.schema.rows import Matrix, Rows, Table, take
from app.models.schema.signature import Feature, InputSignature, OutputSignature

EDGES_OUT_OF_REACH = "the edges of its trees cannot be tried through what stands before them"
# Numbers that reach the estimator must stay below this, to be float32 there too.
REACH = 1e38
LIMITS = (LARGEST, 1e12, 1e9, 1e6)


@dataclass(frozen=True)
class ModelUnderTest:
    """A model under certification.

    ``preprocessor``: what stands before ``last``, the estimator proper, which takes ``width`` columns.
    ``raw`` and ``prepared``: the answers of the whole and of ``last`` to the evidence of that name.
    ``usual``: per column of the raw rows, the largest magnitude in training.
    ``limit``: the magnitude up to which numbers are proven to stay finite on their way to ``last``;
    ``takes_nan``: whether ``last`` answers rows with NaN.
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


def analyse(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """Take a fitted model apart and ask it about every row of evidence.

    :param training: rows of the training data that conform to ``signature``.
    :raises NotCompilable: if what stands before the estimator has no compiled form.
    """
    transformers, last = split(estimator)
    preprocessor = compile_preprocessing(transformers, signature)
    limit = next((limit for limit in LIMITS if preprocessor.reach(limit) < REACH), None)
    if limit is None:
        raise NotCompilable("no range of numbers is known to stay finite through its steps")
    first = preprocessor.apply(take(training, [0]))
    whole = SklearnEngine(estimator, signature, output)
    alone = _alone(last, first.shape[1], output)
    probe_rows = collect_probe_rows(
        training,
        signature,
        predict=whole.predict,
        prepare=preprocessor.apply,
        invert=_inverse(transformers, signature, first),
        estimator=last,
    )
    _all_splits_known(last)
    edges = None
    if len(probe_rows.prepared):
        prepared, edges = ask(alone, probe_rows.prepared)
        probe_rows = probe_rows.with_prepared(prepared)
    raw, answers = ask(whole.predict, probe_rows.raw)
    return ModelUnderTest(
        estimator,
        last,
        signature,
        output,
        preprocessor,
        probe_rows.with_raw(raw),
        answers,
        edges,
        first.shape[1],
        _usual(training),
        limit,
        _takes_nan(alone, first),
    )


def analyse_whole(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> ModelUnderTest:
    """Ask a fitted model about every row of evidence without taking it apart, which may not be possible.

    :param training: rows of the training data that conform to ``signature``, all of numbers.
    :raises NotCompilable: if the edges of its trees are out of reach that way.
    """
    if any(_is_tree(part) for part in estimators_in(estimator)):
        raise NotCompilable(EDGES_OUT_OF_REACH)
    whole, original = Preprocessor(), SklearnEngine(estimator, signature, output)
    probe_rows = collect_probe_rows(
        training,
        signature,
        predict=original.predict,
        prepare=whole.apply,
        invert=None,
        estimator=estimator,
    )
    raw, answers = ask(original.predict, probe_rows.raw)
    width = len(signature.features)
    return ModelUnderTest(
        estimator,
        estimator,
        signature,
        output,
        whole,
        probe_rows.with_raw(raw),
        answers,
        None,
        width,
        _usual(training),
    )


def _usual(training: Rows) -> tuple[float, ...]:
    """The largest magnitude in each column; of all of them where a column holds nothing but zeros or
    labels."""
    columns = list(training.columns) if isinstance(training, Table) else list(training.T)
    largest = [
        0.0 if column.dtype == object else float(np.nanmax(np.abs(column), initial=0.0)) for column in columns
    ]
    return tuple(each or max(largest) or 1.0 for each in largest)


def _alone(last: Any, width: int, output: OutputSignature) -> Callable[[Rows], EngineOutput]:
    """The answers of the last estimator to prepared rows."""
    columns = InputSignature(tuple(Feature(f"column {i}", "number") for i in range(width)), "array")
    engine = SklearnEngine(last, columns, output)

    def predict(rows: Rows) -> EngineOutput:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that it was fitted with
            return engine.predict(rows)

    return predict


def _takes_nan(predict: Callable[[Rows], EngineOutput], prepared: Matrix) -> bool:
    """Whether the estimator answers, whichever of its columns is NaN; one that raises for some is taken
    to refuse."""
    try:
        return bool(np.isfinite(predict(np.full_like(prepared, np.nan)).values).all())
    except Exception:  # it may raise anything
        return False


def _all_splits_known(last: Any) -> None:
    """:raises NotCompilable: if trees are hidden where their splits cannot be tried."""
    parts = {id(part): part for part in estimators_in(last)}.values()
    trees = sum(hasattr(part, "tree_") for part in parts)
    trees += sum(len(iteration) for part in parts for iteration in getattr(part, "_predictors", ()))
    if trees != sum(1 for _ in trees_of(last)):
        raise NotCompilable(EDGES_OUT_OF_REACH)


def _is_tree(part: Any) -> bool:
    return hasattr(part, "tree_") or hasattr(part, "_predictors")


def _inverse(
    transformers: list[Any], signature: InputSignature, prepared: Matrix
) -> Callable[[Matrix], Matrix] | None:
    """From prepared rows back to raw ones, where every transformer before the estimator has an inverse.

    :param prepared: rows to try it with: SimpleImputer has the method, and mostly raises in it.
    """
    if not signature.plain or not all(hasattr(t, "inverse_transform") for t in transformers):
        return None

    def invert(rows: Matrix) -> Matrix:
        for transformer in reversed(transformers):
            rows = np.asarray(transformer.inverse_transform(rows), dtype=np.float64)
        return rows

    try:
        invert(prepared)
    except Exception:  # whatever it raises, it is no way back
        return None
    return invert
