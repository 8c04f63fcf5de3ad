"""scikit-learn's word vectorizers as `WordCounts`."""

from typing import Any

from app.models.compilation import NotCompilable
from app.models.engines.preprocessing.text import WordCounts

# Counted rows are dense; beyond this many columns the sparse original is faster.
MAX_TERMS = 20_000


def word_counts(vectorizer: Any) -> WordCounts:
    """A fitted CountVectorizer or TfidfVectorizer with the standard analyser.

    :raises NotCompilable: naming the parameter that is not standard.
    """
    standard = {"analyzer": "word", "preprocessor": None, "tokenizer": None, "strip_accents": None}
    for name, value in standard.items():
        if getattr(vectorizer, name) != value:
            raise NotCompilable(f"{type(vectorizer).__name__} with {name}={getattr(vectorizer, name)!r}")
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
    )
