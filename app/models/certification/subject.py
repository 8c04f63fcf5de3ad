"""A fitted model taken apart for certification, with scikit-learn's answers about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.models.certification.comparison import Reference, reference
from app.models.certification.evidence import Evidence, gather
from app.models.certification.thresholds import trees_of
from app.models.compilation.errors import NotCompilable
from app.models.compilation.prefix import compile_prefix, split
from app.models.engines.preprocessing import Preprocessor
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.rows import Matrix, Rows, take
from app.models.signature import InputSignature, OutputSignature

EDGES_OUT_OF_REACH = "the edges of its trees cannot be tried through what stands before them"


@dataclass(frozen=True)
class Subject:
    """A model under certification.

    ``preprocessor``: what stands before ``last``, the estimator proper, which takes ``width`` columns.
    ``raw`` and ``prepared``: the answers of the whole and of ``last`` to the evidence of that name.
    """

    estimator: Any
    last: Any
    signature: InputSignature
    output: OutputSignature
    preprocessor: Preprocessor
    evidence: Evidence
    raw: Reference
    prepared: Reference | None
    width: int


def examine(estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows) -> Subject:
    """Take a fitted model apart and ask it about every row of evidence.

    :param training: rows of the training data that conform to ``signature``.
    :raises NotCompilable: if what stands before the estimator has no compiled form.
    """
    transformers, last = split(estimator)
    preprocessor = compile_prefix(transformers, signature)
    first = preprocessor.apply(take(training, [0]))
    evidence = gather(
        training,
        signature,
        prepare=preprocessor.apply,
        invert=_inverse(transformers, signature, first),
        estimator=last,
    )
    edges = None
    if len(evidence.prepared):
        alone = SklearnEngine(last, "array", output)
        edges = reference(last, evidence.prepared, alone.predict(evidence.prepared))
    answers = _answers(estimator, signature, output, evidence)
    return Subject(estimator, last, signature, output, preprocessor, evidence, answers, edges, first.shape[1])


def examine_whole(
    estimator: Any, signature: InputSignature, output: OutputSignature, training: Rows
) -> Subject:
    """Ask a fitted model about every row of evidence without taking it apart, which may not be possible.

    :param training: rows of the training data that conform to ``signature``, all of numbers.
    :raises NotCompilable: if the edges of its trees are out of reach that way.
    """
    if next(trees_of(split(estimator)[1]), None) is not None:
        raise NotCompilable(EDGES_OUT_OF_REACH)
    whole = Preprocessor()
    evidence = gather(training, signature, prepare=whole.apply, invert=None, estimator=estimator)
    answers = _answers(estimator, signature, output, evidence)
    width = len(signature.features)
    return Subject(estimator, estimator, signature, output, whole, evidence, answers, None, width)


def _answers(
    estimator: Any, signature: InputSignature, output: OutputSignature, evidence: Evidence
) -> Reference:
    whole = SklearnEngine(estimator, signature.layout, output)
    return reference(estimator, whole.as_fitted(evidence.raw), whole.predict(evidence.raw))


def _inverse(
    transformers: list[Any], signature: InputSignature, prepared: Matrix
) -> Callable[[Matrix], Matrix] | None:
    """From prepared rows back to raw ones, where every transformer before the estimator has an inverse.

    :param prepared: rows to try it with: SimpleImputer has the method, and mostly raises in it.
    """
    if signature.layout != "array" or not all(hasattr(t, "inverse_transform") for t in transformers):
        return None

    def invert(rows: Matrix) -> Matrix:
        for transformer in reversed(transformers):
            rows = transformer.inverse_transform(rows)
        return rows

    try:
        invert(prepared)
    except Exception:  # whatever it raises, it is no way back
        return None
    return invert
