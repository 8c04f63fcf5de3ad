"""Fitted vectorizers of texts as the steps of `engines.preprocessing.text`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.curve_transformers import floats
from app.models.engines.preprocessing.preprocessor import Step
from app.models.engines.preprocessing.text import WordCounts

# Counted rows are dense; beyond this many columns the sparse original is faster.
MAX_TERMS = 20_000
STANDARD_TEXT = {
    "analyzer": ("word", "char", "char_wb"),
    "preprocessor": (None,),
    "tokenizer": (None,),
    "strip_accents": (None, "ascii", "unicode"),
}


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
    idf = floats(transformer.idf_) if transformer.use_idf else None
    return replace(counts, idf=idf, sublinear=transformer.sublinear_tf, norm=transformer.norm)


TEXT_STEPS: dict[type, Callable[[Any], Step]] = {CountVectorizer: word_counts, TfidfVectorizer: word_counts}
