"""Fitted transformers as steps of a `Preprocessor`: one table per kind of column."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import preprocessing
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.curve_transformers import CURVE_STEPS
from app.models.engines.preprocessing import number_steps
from app.models.engines.preprocessing.label_steps import ImputeLabel, OneHot, Ordinal
from app.models.engines.preprocessing.preprocessor import Step
from app.models.engines.preprocessing.text import Substitute, WordCounts
from app.models.schema.signature import Label

# Counted rows are dense; beyond this many columns the sparse original is faster.
MAX_TERMS = 20_000
STANDARD_TEXT = {
    "analyzer": ("word", "char", "char_wb"),
    "preprocessor": (None,),
    "tokenizer": (None,),
    "strip_accents": (None, "ascii", "unicode"),
}


def number_step(transformer: Any) -> Step:
    """The step of a transformer of numbers.

    :raises NotCompilable: naming a transformer without a compiled form, as the other functions do.
    """
    if isinstance(transformer, SelectorMixin) and type(transformer) not in NUMBER_STEPS:
        return number_steps.Select(tuple(transformer.get_support(indices=True).tolist()))
    return _step(NUMBER_STEPS, transformer, "")


def label_step(transformer: Any) -> Step:
    """The step of a transformer of labels."""
    return _step(LABEL_STEPS, transformer, " on labels")


def text_step(transformer: Any) -> Step:
    """The step of a transformer of texts."""
    if hasattr(transformer, "substitutions"):
        return Substitute(**transformer.substitutions())
    return _step(TEXT_STEPS, transformer, " on texts")


def _step(makers: dict[type, Callable[[Any], Step]], transformer: Any, what: str) -> Step:
    if type(transformer) not in makers:
        raise NotCompilable(f"{type(transformer).__name__}{what} has no compiled form")
    return makers[type(transformer)](transformer)


def _floats(values: Any) -> tuple[float, ...] | None:
    return None if values is None else tuple(np.asarray(values, dtype=np.float64).tolist())


def _center_scale(center: Any, scale: Any) -> Step:
    return number_steps.CenterScale(_floats(center), _floats(scale))


def _min_max(scaler: Any) -> Step:
    clip = tuple(map(float, scaler.feature_range)) if scaler.clip else None
    scale, shift = _floats(scaler.scale_) or (), _floats(scaler.min_) or ()
    return number_steps.ScaleShift(scale, shift, clip)  # type: ignore[arg-type] # two floats


def _binarize(binarizer: Any) -> Step:
    threshold = float(binarizer.threshold)
    if float(np.float32(threshold)) != threshold:  # rounded where the model reads single precision
        raise NotCompilable(
            "Binarizer with a threshold that single precision cannot hold has no compiled form"
        )
    return number_steps.Binarize(threshold)


def _check_imputer(imputer: Any) -> None:
    if imputer.add_indicator:
        raise NotCompilable("SimpleImputer with add_indicator has no compiled form")


def _number_imputer(imputer: Any) -> Step:
    _check_imputer(imputer)
    fill = _floats(imputer.statistics_) or ()
    if not np.isfinite(fill).all() or not np.isnan(imputer.missing_values):
        raise NotCompilable("SimpleImputer with columns all missing, or another mark for missing")
    return number_steps.ImputeNumber(fill)


def _label_imputer(imputer: Any) -> Step:
    _check_imputer(imputer)
    return ImputeLabel(tuple(np.asarray(imputer.statistics_, dtype=object).tolist()))


def _polynomial(expansion: Any) -> Step:
    terms = [tuple(np.repeat(np.arange(len(powers)), powers).tolist()) for powers in expansion.powers_]
    position = {term: index for index, term in enumerate(terms)}
    highest = max(map(len, terms))
    return number_steps.Polynomial(
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
    return OneHot(kept, tuple(() if drop is None else (labels[drop],) for labels, drop in pairs))


def _ordinal(encoder: Any) -> Step:
    if encoder._infrequent_enabled:
        raise NotCompilable("OrdinalEncoder with infrequent categories has no compiled form")
    return Ordinal(
        tuple(tuple(_labels(categories)) for categories in encoder.categories_),
        unknown=_finite(encoder.unknown_value),
        missing=_finite(encoder.encoded_missing_value),
        closed=encoder.handle_unknown == "error",
    )


def word_counts(vectorizer: Any) -> WordCounts:
    """The step of a CountVectorizer or TfidfVectorizer with an analyser of its own."""
    for name, values in STANDARD_TEXT.items():
        if (value := getattr(vectorizer, name)) not in values:
            raise NotCompilable(f"{type(vectorizer).__name__} with {name}={value!r}")
    if len(vectorizer.vocabulary_) > MAX_TERMS:
        raise NotCompilable(f"more than {MAX_TERMS:,} terms are quicker as a sparse matrix")
    weighted = hasattr(vectorizer, "use_idf")
    return WordCounts(
        vocabulary=tuple(sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)),
        token_pattern=vectorizer.token_pattern,
        lowercase=vectorizer.lowercase,
        stop_words=tuple(sorted(vectorizer.get_stop_words() or ())),
        ngrams=tuple(vectorizer.ngram_range),
        idf=tuple(map(float, vectorizer.idf_)) if weighted and vectorizer.use_idf else None,
        sublinear=bool(weighted and vectorizer.sublinear_tf),
        binary=vectorizer.binary,
        norm=vectorizer.norm if weighted else None,
        analyzer=vectorizer.analyzer,
        accents=vectorizer.strip_accents,
    )


def weighted_counts(counts: WordCounts, transformer: Any) -> WordCounts:
    """The counts with the weights of the TfidfTransformer after them."""
    idf = _floats(transformer.idf_) if transformer.use_idf else None
    return replace(counts, idf=idf, sublinear=transformer.sublinear_tf, norm=transformer.norm)


def _labels(categories: Any) -> list[Label | None]:
    return [None if label != label else label for label in np.asarray(categories, dtype=object).tolist()]


def _finite(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


NUMBER_STEPS: dict[type, Callable[[Any], Step]] = {
    # StandardScaler keeps mean_ even if it does not subtract it.
    preprocessing.StandardScaler: lambda s: _center_scale(s.mean_ if s.with_mean else None, s.scale_),
    preprocessing.RobustScaler: lambda s: _center_scale(s.center_, s.scale_),
    preprocessing.MaxAbsScaler: lambda s: _center_scale(None, s.scale_),
    preprocessing.MinMaxScaler: _min_max,
    preprocessing.Binarizer: _binarize,
    SimpleImputer: _number_imputer,
    preprocessing.PolynomialFeatures: _polynomial,
    preprocessing.OrdinalEncoder: _ordinal,
    **CURVE_STEPS,
}
LABEL_STEPS: dict[type, Callable[[Any], Step]] = {
    SimpleImputer: _label_imputer,
    preprocessing.OneHotEncoder: _one_hot,
    preprocessing.OrdinalEncoder: _ordinal,
}
TEXT_STEPS: dict[type, Callable[[Any], Step]] = {CountVectorizer: word_counts, TfidfVectorizer: word_counts}
