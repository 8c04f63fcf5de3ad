"""Fitted vectorizers of texts as the steps of `engines.preprocessing.text`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from app.models.compilation import NotCompilable
from app.models.compilation.transformers.curve_transformers import floats
from app.models.engines.preprocessing.preprocessor import Step
from app.models.engines.preprocessing.text import TextStep, WordCounts, WordHashes

# Rows are dense without a product; beyond this many columns the sparse original is faster.
MAX_TERMS = 20_000
STANDARD_TEXT = {
    "analyzer": ("word", "char", "char_wb"),
    "preprocessor": (None,),
    "tokenizer": (None,),
    "strip_accents": (None, "ascii", "unicode"),
}


def _terms(vectorizer: Any) -> dict[str, Any]:
    """How a vectorizer with an analyser of its own takes texts apart."""
    for name, values in STANDARD_TEXT.items():
        if (value := getattr(vectorizer, name)) not in values:
            raise NotCompilable(f"{type(vectorizer).__name__} with {name}={value!r}")
    return {
        "token_pattern": vectorizer.token_pattern,
        "lowercase": vectorizer.lowercase,
        "stop_words": tuple(sorted(vectorizer.get_stop_words() or ())),
        "ngrams": tuple(vectorizer.ngram_range),
        "analyzer": vectorizer.analyzer,
        "accents": vectorizer.strip_accents,
        "binary": vectorizer.binary,
    }


def word_counts(vectorizer: Any) -> WordCounts:
    """The step of a CountVectorizer or TfidfVectorizer."""
    weighted = hasattr(vectorizer, "use_idf")
    return WordCounts(
        **_terms(vectorizer),
        vocabulary=tuple(sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)),
        idf=tuple(map(float, vectorizer.idf_)) if weighted and vectorizer.use_idf else None,
        sublinear=bool(weighted and vectorizer.sublinear_tf),
        norm=vectorizer.norm if weighted else None,
    )


def word_hashes(vectorizer: Any) -> WordHashes:
    """The step of a HashingVectorizer."""
    return WordHashes(
        **_terms(vectorizer),
        hashes=vectorizer.n_features,
        signed=vectorizer.alternate_sign,
        norm=vectorizer.norm,
    )


def weighted_terms(step: TextStep, transformer: Any) -> TextStep:
    """The counts with the weights of the TfidfTransformer after them.

    :raises NotCompilable: after hashes, or after what is weighted itself.
    """
    if not isinstance(step, WordCounts) or step.norm or step.idf or step.sublinear:
        raise NotCompilable("a TfidfTransformer behind what is no CountVectorizer")
    idf = floats(transformer.idf_) if transformer.use_idf else None
    return replace(step, idf=idf, sublinear=transformer.sublinear_tf, norm=transformer.norm)


def narrow(step: Step) -> Step:
    """:raises NotCompilable: for a step of texts whose rows would be too wide."""
    if isinstance(step, TextStep) and not step.outputs and step.width > MAX_TERMS:
        raise NotCompilable(f"more than {MAX_TERMS:,} terms are quicker as a sparse matrix")
    return step


TEXT_STEPS: dict[type, Callable[[Any], Step]] = {
    CountVectorizer: word_counts,
    TfidfVectorizer: word_counts,
    HashingVectorizer: word_hashes,
}
