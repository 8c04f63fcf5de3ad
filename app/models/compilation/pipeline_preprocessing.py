"""The transformers before a pipeline's estimator, as a `Preprocessor` of plain numbers."""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import check_array

from app.models.compilation import NotCompilable
from app.models.compilation.text import word_counts
from app.models.engines.preprocessing.preprocessor import Branch, Preprocessor
from app.models.engines.preprocessing.steps import (
    CenterScale,
    ImputeLabel,
    ImputeNumber,
    OneHot,
    Ordinal,
    Polynomial,
    ScaleShift,
    Select,
    Step,
)
from app.models.engines.preprocessing.text import Substitute
from app.models.schema.signature import InputSignature, Label


def split(estimator: Any) -> tuple[list[Any], Any]:
    """The transformers of a pipeline, nested ones unfolded, and its last estimator.

    Histogram boosting with categories has an encoder inside; it counts as a transformer here, and the
    last estimator is a copy without it.
    """
    if getattr(estimator, "_preprocessor", None) is not None:
        bare = copy(estimator)
        encoder, bare._preprocessor = bare._preprocessor, None
        vars(bare).pop("feature_names_in_", None)
        return [encoder], bare
    if not isinstance(estimator, Pipeline):
        return [], estimator
    transformers: list[Any] = []
    for _, step in estimator.steps[:-1]:
        transformers += _chain(step)
    inner, last = split(estimator.steps[-1][1])
    return transformers + inner, last


def _chain(transformer: Any) -> list[Any]:
    """A transformer as a list of steps, without those that change nothing."""
    inner, last = split(transformer)
    return [step for step in (*inner, last) if not _is_identity(step)]


def _is_identity(step: Any) -> bool:
    """True for what passes its columns on, such as the check that histogram boosting puts on numbers."""
    if not isinstance(step, FunctionTransformer):
        return step is None or isinstance(step, str)
    return step.func is None or getattr(step.func, "func", None) is check_array


def compile_preprocessing(transformers: Sequence[Any], signature: InputSignature) -> Preprocessor:
    """The same transformation without scikit-learn.

    :raises NotCompilable: naming the transformer that has no such form.
    """
    if transformers and isinstance(transformers[0], ColumnTransformer):
        first, *rest = transformers
        return Preprocessor(tuple(_branches(first, signature)), tuple(map(_number_step, rest)))
    if signature.one_dimensional:
        words = [i for i, t in enumerate(transformers) if isinstance(t, CountVectorizer)]
        if not words:
            raise NotCompilable("texts are not counted by a CountVectorizer or TfidfVectorizer")
        texts = Branch((0,), tuple(map(_text_step, transformers[: words[0] + 1])), labels=True)
        return Preprocessor((texts,), tuple(map(_number_step, transformers[words[0] + 1 :])))
    if not signature.numeric:
        raise NotCompilable("columns that are not numbers reach the estimator unprepared")
    return Preprocessor(steps=tuple(map(_number_step, transformers)))


def _branches(transformer: ColumnTransformer, signature: InputSignature) -> list[Branch]:
    branches = []
    for _, part, columns in transformer.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        positions = tuple(_positions(columns, signature))
        if not positions:
            continue
        features = [signature.features[position] for position in positions]
        kinds = {"number" if feature.numeric else feature.kind for feature in features}
        if len(kinds) > 1:
            raise NotCompilable("numbers and labels go through one branch of the ColumnTransformer")
        kind = kinds.pop()
        steps = tuple(map(_STEP_OF_KIND[kind], _chain(part)))
        if kind != "number" and not steps:
            raise NotCompilable("columns that are not numbers reach the estimator unprepared")
        branches.append(Branch(positions, steps, labels=kind != "number"))
    if transformer.transformer_weights:
        raise NotCompilable("transformer_weights of a ColumnTransformer have no compiled form")
    return branches


def _positions(columns: Any, signature: InputSignature) -> list[int]:
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    if isinstance(columns, slice) and any(isinstance(end, str) for end in (columns.start, columns.stop)):
        raise NotCompilable("columns of a ColumnTransformer that are a slice of names")
    if isinstance(columns, slice) or np.asarray(columns).dtype.kind == "b":
        return [int(position) for position in np.arange(len(signature.features))[columns]]
    return [signature.positions[c] if isinstance(c, str) else int(c) for c in columns]


def _number_step(transformer: Any) -> Step:
    make = _NUMBER_STEPS.get(type(transformer))
    if make is None and isinstance(transformer, SelectorMixin):
        return Select(tuple(transformer.get_support(indices=True).tolist()))
    if make is None:
        raise NotCompilable(f"{type(transformer).__name__} has no compiled form")
    return make(transformer)


def _label_step(transformer: Any) -> Step:
    make = _LABEL_STEPS.get(type(transformer))
    if make is None:
        raise NotCompilable(f"{type(transformer).__name__} on labels has no compiled form")
    return make(transformer)


def _text_step(transformer: Any) -> Step:
    if hasattr(transformer, "substitutions"):
        return Substitute(**transformer.substitutions())
    if type(transformer) not in (CountVectorizer, TfidfVectorizer):
        raise NotCompilable(f"{type(transformer).__name__} on texts has no compiled form")
    return word_counts(transformer)


def _floats(values: Any) -> tuple[float, ...] | None:
    return None if values is None else tuple(np.asarray(values, dtype=np.float64).tolist())


def _standard(scaler: Any) -> Step:
    # mean_ is kept even where it is not subtracted.
    return CenterScale(_floats(scaler.mean_ if scaler.with_mean else None), _floats(scaler.scale_))


def _robust(scaler: Any) -> Step:
    return CenterScale(_floats(scaler.center_), _floats(scaler.scale_))


def _max_abs(scaler: Any) -> Step:
    return CenterScale(None, _floats(scaler.scale_))


def _min_max(scaler: Any) -> Step:
    clip = tuple(map(float, scaler.feature_range)) if scaler.clip else None
    return ScaleShift(_floats(scaler.scale_) or (), _floats(scaler.min_) or (), clip)  # type: ignore[arg-type] # two floats


def _imputer(imputer: Any) -> None:
    if imputer.add_indicator:
        raise NotCompilable("SimpleImputer with add_indicator has no compiled form")


def _number_imputer(imputer: Any) -> Step:
    _imputer(imputer)
    fill = _floats(imputer.statistics_) or ()
    if not np.isfinite(fill).all() or not np.isnan(imputer.missing_values):
        raise NotCompilable("SimpleImputer with columns all missing, or another mark for missing")
    return ImputeNumber(fill)


def _label_imputer(imputer: Any) -> Step:
    _imputer(imputer)
    return ImputeLabel(tuple(np.asarray(imputer.statistics_, dtype=object).tolist()))


def _polynomial(expansion: Any) -> Step:
    terms = [tuple(np.repeat(np.arange(len(powers)), powers).tolist()) for powers in expansion.powers_]
    position = {term: index for index, term in enumerate(terms)}
    highest = max(map(len, terms))
    return Polynomial(
        width=len(terms),
        bias=position.get(()),
        linear=tuple((position[term], term[0]) for term in terms if len(term) == 1),
        degrees=tuple(
            tuple((position[term], term[0], position[term[1:]]) for term in terms if len(term) == degree)
            for degree in range(2, highest + 1)
        ),
    )


def _one_hot(encoder: Any) -> Step:
    if encoder.handle_unknown not in {"error", "ignore"} or encoder._infrequent_enabled:
        raise NotCompilable("OneHotEncoder with infrequent categories has no compiled form")
    categories = [_labels(each) for each in encoder.categories_]
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(categories)
    pairs = list(zip(categories, dropped, strict=True))
    kept = tuple(tuple(label for i, label in enumerate(labels) if i != drop) for labels, drop in pairs)
    if encoder.handle_unknown == "ignore":
        return OneHot(kept)
    closed = tuple(() if drop is None else (labels[drop],) for labels, drop in pairs)
    return OneHot(kept, closed)


def _ordinal(encoder: Any) -> Step:
    if encoder._infrequent_enabled:
        raise NotCompilable("OrdinalEncoder with infrequent categories has no compiled form")
    return Ordinal(
        tuple(tuple(_labels(categories)) for categories in encoder.categories_),
        unknown=_finite(encoder.unknown_value),
        missing=_finite(encoder.encoded_missing_value),
        closed=encoder.handle_unknown == "error",
    )


def _labels(categories: Any) -> list[Label | None]:
    return [None if label != label else label for label in np.asarray(categories, dtype=object).tolist()]


def _finite(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


_NUMBER_STEPS: dict[type, Callable[[Any], Step]] = {
    StandardScaler: _standard,
    RobustScaler: _robust,
    MaxAbsScaler: _max_abs,
    MinMaxScaler: _min_max,
    SimpleImputer: _number_imputer,
    PolynomialFeatures: _polynomial,
    OrdinalEncoder: _ordinal,
}
_LABEL_STEPS: dict[type, Callable[[Any], Step]] = {
    SimpleImputer: _label_imputer,
    OneHotEncoder: _one_hot,
    OrdinalEncoder: _ordinal,
}
_STEP_OF_KIND: dict[str, Callable[[Any], Step]] = {
    "number": _number_step,
    "category": _label_step,
    "text": _text_step,
}
