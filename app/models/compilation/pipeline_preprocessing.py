"""The transformers before a pipeline's estimator, as a `Preprocessor` without scikit-learn."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array

from app.models.compilation import NotCompilable
from app.models.compilation.boosting.category_codes import code_branches, reads_categories
from app.models.compilation.steadiness import steadied
from app.models.compilation.transformers.linear_texts import WEIGHTED_TERMS, multiplied
from app.models.compilation.transformers.text_transformers import TEXT_STEPS, narrow
from app.models.compilation.transformers.transformer_steps import (
    label_step,
    number_step,
    text_step,
)
from app.models.compilation.unwrapping import SELECTING, unwrapped, without_samplers
from app.models.engines.preprocessing.label_steps import ImputeLabel
from app.models.engines.preprocessing.number_steps import ScaleShift
from app.models.engines.preprocessing.preprocessor import Branch, Preprocessor, Step
from app.models.engines.preprocessing.text import Substitute, TextStep
from app.models.schema.signature import Feature, InputSignature

UNPREPARED = "columns that are not numbers reach the estimator unprepared"


def split(estimator: Any) -> tuple[list[Any], Any]:
    """The transformers of a pipeline, nested ones unfolded, and its last estimator, both without wrappers.

    The encoder inside of histogram boosting with categories counts as a transformer; the last estimator is
    then a copy without it.
    """
    estimator = unwrapped(estimator)
    if selects := SELECTING.get(type(estimator)):
        inner, last = split(getattr(estimator, selects))
        return [estimator, *inner], last
    if getattr(estimator, "_preprocessor", None) is not None:
        bare = copy(estimator)
        encoder, bare._preprocessor = bare._preprocessor, None
        vars(bare).pop("feature_names_in_", None)
        return [encoder], bare
    if not isinstance(estimator, Pipeline):
        return [], estimator
    steps = without_samplers(estimator.steps)
    transformers = [part for _, step in steps[:-1] for part in _chain(step)]
    inner, last = split(steps[-1][1])
    return multiplied(transformers + inner, last)


def steps_of_transformer(transformer: Any) -> tuple[list[Any], Any]:
    """The steps of a transformer that is served itself, and an estimator that passes on what they give."""
    return _chain(transformer), FunctionTransformer()


def _chain(transformer: Any) -> list[Any]:
    """A transformer as a list of steps, without identities."""
    if type(transformer) in SELECTING:
        return [transformer]
    inner, last = split(transformer)
    return [step for step in (*inner, last) if not _is_identity(step)]


def _is_identity(step: Any) -> bool:
    """True for a step that passes its columns on, such as histogram boosting's check of numbers."""
    if not isinstance(step, FunctionTransformer):
        return step is None or isinstance(step, str)
    return step.func is None or getattr(step.func, "func", None) is check_array


def compile_preprocessing(
    transformers: Sequence[Any], signature: InputSignature, last: Any = None
) -> Preprocessor:
    """The transformers without scikit-learn, with a guard of trees behind products of matrices.

    :param last: the final estimator, which may read columns of categories itself.
    :raises NotCompilable: naming a transformer without a compiled form.
    """
    return steadied(_compiled(transformers, signature, last), last)


def _compiled(transformers: Sequence[Any], signature: InputSignature, last: Any = None) -> Preprocessor:
    if transformers and isinstance(transformers[0], ColumnTransformer):
        first, *rest = transformers
        return Preprocessor(tuple(_branches(first, signature)), tuple(map(_number_step, rest)))
    if signature.one_dimensional:
        if not any(isinstance(transformer, tuple(TEXT_STEPS)) for transformer in transformers):
            raise NotCompilable("texts are not counted by a vectorizer of scikit-learn")
        return Preprocessor((Branch((0,), _steps("text", transformers), labels=True),))
    if not transformers and reads_categories(last):
        return Preprocessor(code_branches(last, signature))
    if not signature.numeric:
        return Preprocessor((_branch(range(len(signature.features)), signature, transformers),))
    return Preprocessor(steps=tuple(map(_number_step, transformers)))


def _steps(kind: str, transformers: Sequence[Any]) -> tuple[Step, ...]:
    """The steps of one branch, whose columns are numbers once labels are encoded or words are counted."""
    steps: list[Step] = []
    for transformer in transformers:
        weighted, last = WEIGHTED_TERMS.get(type(transformer)), steps[-1] if steps else None
        if weighted and isinstance(last, TextStep):
            steps[-1] = weighted(last, transformer)
            continue
        steps.append(STEP_OF_KIND[kind](transformer))
        if not isinstance(steps[-1], ImputeLabel | Substitute):
            kind = "number"
    return tuple(map(narrow, steps))


def _number_step(transformer: Any) -> Step:
    """The step of a transformer of numbers, which may consist of several side by side."""
    if isinstance(transformer, FeatureUnion):
        return _union(transformer)
    if isinstance(transformer, ColumnTransformer):
        return _of_positions(transformer)
    return number_step(transformer)


def _union(union: FeatureUnion) -> Preprocessor:
    columns = tuple(range(union.n_features_in_))
    branches = []
    for name, part in union.transformer_list:
        if part != "drop":
            steps = (*map(_number_step, _chain(part)), *_weighted(union, name))
            branches.append(Branch(columns, steps, labels=False))
    return Preprocessor(tuple(branches))


def _weighted(parts: FeatureUnion | ColumnTransformer, name: str) -> tuple[Step, ...]:
    """The multiplication of one part's columns by its weight, if it has one."""
    weight = (parts.transformer_weights or {}).get(name)
    return () if weight is None else (ScaleShift((float(weight),), (0.0,), None),)


def _of_positions(transformer: ColumnTransformer) -> Preprocessor:
    """A ColumnTransformer that is not the first, whose columns are those of a matrix."""
    features = tuple(Feature(f"column {i}", "number") for i in range(transformer.n_features_in_))
    return Preprocessor(tuple(_branches(transformer, InputSignature(features, "array"))))


def _branches(transformer: ColumnTransformer, signature: InputSignature) -> list[Branch]:
    branches = []
    for name, part, columns in transformer.transformers_:
        if part != "drop" and (positions := positions_of(columns, signature)):
            branch = _branch(positions, signature, _chain(part))
            branches.append(replace(branch, steps=(*branch.steps, *_weighted(transformer, name))))
    return branches


def _branch(positions: Sequence[int], signature: InputSignature, chain: Sequence[Any]) -> Branch:
    features = [signature.features[position] for position in positions]
    kinds = {"number" if feature.numeric else feature.kind for feature in features}
    if len(kinds) > 1:
        raise NotCompilable("numbers and labels go through one transformer")
    kind = kinds.pop()
    if kind == "date":
        raise NotCompilable("a column of dates has no compiled form")
    steps = _steps(kind, chain)
    if kind != "number" and all(isinstance(step, ImputeLabel | Substitute) for step in steps):
        raise NotCompilable(UNPREPARED)
    return Branch(tuple(positions), steps, labels=kind != "number")


def positions_of(columns: Any, signature: InputSignature) -> list[int]:
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    if isinstance(columns, slice) and any(isinstance(end, str) for end in (columns.start, columns.stop)):
        start, stop = (
            None if end is None else signature.positions[end] for end in (columns.start, columns.stop)
        )
        columns = slice(start, None if stop is None else stop + 1, columns.step)  # the last name is included
    if isinstance(columns, slice) or np.asarray(columns).dtype.kind == "b":
        return [int(position) for position in np.arange(len(signature.features))[columns]]
    return [signature.positions[c] if isinstance(c, str) else int(c) for c in columns]


STEP_OF_KIND = {"number": _number_step, "category": label_step, "text": text_step}
