"""Rows as the explained estimator takes them: by the compiled preprocessing where one is here, else by the
original's transformers."""

from collections.abc import Callable
from typing import Any

from app.models.engines.base import Engine
from app.models.engines.fallback import FallbackEngine
from app.models.engines.lone import LoneEngine
from app.models.engines.preprocessing.label_steps import NotCovered
from app.models.engines.sklearn_engine import SklearnEngine
from app.models.explaining.explanation import NotExplainable
from app.models.schema.rows import Matrix, Rows
from app.models.schema.signature import InputSignature

ALONE = "the version serves without its original model, and does not record what explains it"

Preparation = Callable[[Rows], Matrix]


def original_of(engine: Engine) -> Any:
    """The fitted model behind an engine.

    :raises NotExplainable: if the engine serves alone.
    :raises OriginalMissing: if scikit-learn is not installed.
    """
    engine = engine.reference if isinstance(engine, FallbackEngine) else engine
    if not isinstance(engine, SklearnEngine):
        raise NotExplainable(ALONE)
    return engine.estimator


def preparation(engine: Engine, signature: InputSignature, *, steps: int | None = None) -> Preparation:
    """From validated rows to the float64 columns of the explained estimator, (n, columns).

    :param steps: how many of the transformers are applied, None for all of them.
    :raises NotExplainable: if the original's transformers are needed, and not here.
    """
    compiled = engine.compiled if isinstance(engine, FallbackEngine | LoneEngine) else None
    if compiled is None or compiled.whole or steps is not None:
        return _by_original(engine, signature, steps)

    def prepare(rows: Rows) -> Matrix:
        try:
            return compiled.prepare(rows)
        except NotCovered:  # a row that only the original may answer
            return _by_original(engine, signature, None)(rows)

    return prepare


def _by_original(engine: Engine, signature: InputSignature, steps: int | None) -> Preparation:
    from app.models.compilation.pipeline_preprocessing import split
    from app.models.explaining.original_steps import as_matrix, transformed

    transformers = split(original_of(engine))[0][:steps]

    def prepare(rows: Rows) -> Matrix:
        found = as_matrix(transformed(rows, signature, transformers))
        dense: Matrix = found.toarray() if hasattr(found, "toarray") else found
        return dense

    return prepare
