"""A fitted model taken apart for certification, with scikit-learn's answers about it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.models.certification.comparison import Reference, reference
from app.models.certification.evidence import Evidence, gather
from app.models.compilation.prefix import compile_prefix, split
from app.models.engines.preprocessing import Preprocessor
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.rows import Matrix, Rows, take
from app.models.signature import InputSignature, OutputSignature


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
    evidence = gather(
        training,
        signature,
        prepare=preprocessor.apply,
        invert=_inverse(transformers, signature),
        estimator=last,
    )
    whole = SklearnEngine(estimator, signature.layout, output)
    edges = None
    if len(evidence.prepared):
        alone = SklearnEngine(last, "array", output)
        edges = reference(last, evidence.prepared, alone.predict(evidence.prepared))
    return Subject(
        estimator,
        last,
        signature,
        output,
        preprocessor,
        evidence,
        raw=reference(estimator, whole.as_fitted(evidence.raw), whole.predict(evidence.raw)),
        prepared=edges,
        width=preprocessor.apply(take(training, [0])).shape[1],
    )


def _inverse(transformers: list[Any], signature: InputSignature) -> Callable[[Matrix], Matrix] | None:
    """From prepared rows back to raw ones, where every transformer before the estimator has an inverse."""
    if signature.layout != "array" or not all(hasattr(t, "inverse_transform") for t in transformers):
        return None

    def invert(rows: Matrix) -> Matrix:
        for transformer in reversed(transformers):
            rows = transformer.inverse_transform(rows)
        return rows

    return invert
